package io.github.tandem_sync.tandem.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.TypeRegistry;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.ErrorDetailsProto;
import io.github.tandem_sync.tandem.TandemException;
import java.util.List;
import java.util.stream.IntStream;

/** Messages as JSON, and whether what was found is what was expected. */
final class Json {
    // Details of a status have their types inside.
    private static final JsonFormat.Printer PRINTER = JsonFormat.printer()
            .usingTypeRegistry(TypeRegistry.newBuilder()
                    .add(ErrorDetailsProto.getDescriptor().getMessageTypes())
                    .build());

    private Json() {}

    static JsonElement of(Message message) {
        try {
            return JsonParser.parseString(PRINTER.print(message));
        } catch (InvalidProtocolBufferException error) {
            throw new IllegalStateException(error);
        }
    }

    static JsonArray of(List<? extends Message> messages) {
        JsonArray all = new JsonArray();
        messages.forEach(message -> all.add(of(message)));
        return all;
    }

    @SuppressWarnings("unchecked") // what is built is what the prototype is
    static <M extends Message> M message(M prototype, JsonElement json) {
        Message.Builder message = prototype.newBuilderForType();
        try {
            JsonFormat.parser().merge(json == null ? "{}" : json.toString(), message);
        } catch (InvalidProtocolBufferException error) {
            throw new Failed("no " + prototype.getDescriptorForType().getName() + ": " + error.getMessage());
        }
        return (M) message.build();
    }

    static JsonElement ofError(Throwable error) {
        JsonObject told = new JsonObject();
        if (!(error instanceof TandemException typed)) {
            told.addProperty("untyped", String.valueOf(error));
            return told;
        }
        JsonObject metadata = new JsonObject();
        typed.getMetadata().forEach(metadata::addProperty);
        JsonArray fields = new JsonArray();
        typed.getViolations().forEach(violation -> fields.add(violation.field()));
        told.addProperty("code", typed.getCode().name());
        told.addProperty("reason", typed.getReason());
        told.add("metadata", metadata);
        told.add("fields", fields);
        told.add("resource", typed.getResource() == null ? JsonNull.INSTANCE : new JsonPrimitive(typed.getResource().name()));
        told.addProperty("transient", typed.isTransient());
        told.addProperty("retryDelay", typed.getRetryDelay() != null);
        return told;
    }

    /** Whether what was found has everything that is expected; objects may have more. */
    static boolean fits(JsonElement expected, JsonElement found) {
        if (expected.isJsonObject()) {
            return found.isJsonObject()
                    && expected.getAsJsonObject().entrySet().stream().allMatch(member -> {
                        JsonElement there = found.getAsJsonObject().get(member.getKey());
                        return there != null && fits(member.getValue(), there);
                    });
        }
        if (expected.isJsonArray()) {
            JsonArray each = expected.getAsJsonArray();
            return found.isJsonArray()
                    && found.getAsJsonArray().size() == each.size()
                    && IntStream.range(0, each.size())
                            .allMatch(index -> fits(each.get(index), found.getAsJsonArray().get(index)));
        }
        if (isNumber(expected) && isNumber(found)) {
            return expected.getAsBigDecimal().compareTo(found.getAsBigDecimal()) == 0;
        }
        return expected.equals(found);
    }

    private static boolean isNumber(JsonElement value) {
        return value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber();
    }

    static void expect(JsonElement expected, JsonElement found) {
        if (!fits(expected, found)) {
            throw new Failed("expected " + expected + "\nfound    " + found);
        }
    }

    static void expect(int expected, int found) {
        expect(new JsonPrimitive(expected), new JsonPrimitive(found));
    }
}
