package io.github.tandem_sync.tandem.conformance;

import com.google.gson.JsonElement;
import com.google.protobuf.Message;
import io.github.tandem_sync.tandem.TandemClient;
import io.github.tandem_sync.tandem.v1.AlertServiceGrpc;
import io.github.tandem_sync.tandem.v1.QueueServiceGrpc;
import io.github.tandem_sync.tandem.v1.SyncServiceGrpc;
import io.github.tandem_sync.tandem.v1.TableMapServiceGrpc;
import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import io.grpc.ServiceDescriptor;
import io.grpc.stub.ClientCalls;
import java.util.stream.Stream;

/** A method that is only known by its name. */
record Method(MethodDescriptor<Message, Message> descriptor) {
    /** The method of that name: {@code Service/Method}. */
    @SuppressWarnings("unchecked") // all of them take and answer messages
    static Method of(String name) {
        return Stream.of(
                        TableMapServiceGrpc.getServiceDescriptor(),
                        SyncServiceGrpc.getServiceDescriptor(),
                        QueueServiceGrpc.getServiceDescriptor(),
                        AlertServiceGrpc.getServiceDescriptor())
                .map(ServiceDescriptor::getMethods)
                .flatMap(methods -> methods.stream())
                .filter(method -> method.getFullMethodName().equals("tandem.v1." + name))
                .map(method -> new Method((MethodDescriptor<Message, Message>) method))
                .findFirst()
                .orElseThrow(() -> new Failed("there is no " + name));
    }

    Message request(JsonElement json) {
        PrototypeMarshaller<Message> type = (PrototypeMarshaller<Message>) descriptor.getRequestMarshaller();
        return Json.message(type.getMessagePrototype(), json);
    }

    Message call(TandemClient client, Message request) {
        return ClientCalls.blockingUnaryCall(client.channel(), descriptor, CallOptions.DEFAULT, request);
    }
}
