package io.github.tandem_sync.tandem.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Message;
import io.github.tandem_sync.tandem.Pages;
import io.github.tandem_sync.tandem.TandemClient;
import io.github.tandem_sync.tandem.TandemException;
import io.github.tandem_sync.tandem.Writer;
import io.github.tandem_sync.tandem.v1.TailActivityRequest;
import io.github.tandem_sync.tandem.v1.WatchAlertEventsRequest;
import io.github.tandem_sync.tandem.v1.WriteRecordResponse;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** What a case has come to, and its steps. */
final class Case {
    private static final JsonObject ANYTHING = new JsonObject();

    private final BufferedReader stage = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    private final Map<String, Writer> writers = new HashMap<>();
    private final Map<String, Batch> batches = new HashMap<>();
    private final Map<String, Following> followed = new HashMap<>();
    private TandemClient client = TandemClient.connect();

    private interface Step {
        void play(JsonObject step) throws Exception;
    }

    private final Map<String, Step> kinds = Map.ofEntries(
            Map.entry("connect", this::connect),
            Map.entry("call", this::call),
            Map.entry("list", this::list),
            Map.entry("write", this::write),
            Map.entry("taken", this::taken),
            Map.entry("answered", this::answered),
            Map.entry("written", this::written),
            Map.entry("close", this::close),
            Map.entry("follow", this::follow),
            Map.entry("told", this::told),
            Map.entry("ended", this::ended));

    void play(JsonObject step) throws Exception {
        Step kind = step.keySet().stream().filter(kinds::containsKey).findFirst().map(kinds::get).orElse(this::askStage);
        kind.play(step);
    }

    private void askStage(JsonObject step) throws Exception {
        System.out.println(step);
        System.out.flush();
        JsonObject answer = JsonParser.parseString(stage.readLine()).getAsJsonObject();
        if (step.has("answer")) {
            Json.expect(step.get("answer"), answer.get("answer"));
        }
    }

    private void connect(JsonObject step) {
        JsonObject given = step.getAsJsonObject("connect");
        client = TandemClient.builder()
                .withoutEnvironment()
                .server(System.getenv("TANDEM_SERVER"))
                .token(given(given, "token", System.getenv("TANDEM_TOKEN")))
                .caFile(path(given(given, "caFile", System.getenv("TANDEM_CA_FILE"))))
                .certFile(path(given(given, "certFile", null)))
                .keyFile(path(given(given, "keyFile", null)))
                .connect();
    }

    private static String given(JsonObject given, String name, String otherwise) {
        JsonElement value = given.get(name);
        if (value == null) {
            return otherwise;
        }
        if (value.isJsonNull()) {
            return null;
        }
        String text = value.getAsString();
        return text.startsWith("$") ? System.getenv(text.substring(1)) : text;
    }

    private static Path path(String name) {
        return name == null ? null : Path.of(name);
    }

    private void call(JsonObject step) throws Exception {
        long begun = System.nanoTime();
        long patience = step.has("eventually") ? TimeUnit.SECONDS.toNanos(Conformance.PATIENCE_SECONDS) : 0;
        while (true) {
            try {
                callOnce(step);
                return;
            } catch (Failed failed) {
                if (System.nanoTime() - begun >= patience) {
                    throw failed;
                }
                Conformance.lookAgain();
            }
        }
    }

    private void callOnce(JsonObject step) {
        Method method = Method.of(step.get("call").getAsString());
        Message answer;
        try {
            answer = client.call(() -> method.call(client, method.request(step.get("request"))));
        } catch (TandemException error) {
            if (!step.has("error")) {
                throw error;
            }
            Json.expect(step.get("error"), Json.ofError(error));
            return;
        }
        if (step.has("error")) {
            throw new Failed("it went well, with " + Json.of(answer));
        }
        Json.expect(step.has("answer") ? step.get("answer") : ANYTHING, Json.of(answer));
    }

    private void list(JsonObject step) {
        Method method = Method.of(step.get("list").getAsString());
        Function<Message, Message> call = request -> method.call(client, request);
        Pages<Message> items = Pages.of(call, method.request(step.get("request")));
        Json.expect(step.get("answer"), Json.of(items.stream().toList()));
    }

    private void write(JsonObject step) {
        String name = step.has("writer") ? step.get("writer").getAsString() : "writer";
        int window = step.has("window") ? step.get("window").getAsInt() : Writer.WINDOW;
        Duration patience = step.has("patience_ms") ? Duration.ofMillis(step.get("patience_ms").getAsLong()) : null;
        Writer writer = writers.computeIfAbsent(name, absent -> client.writer(window, patience));
        batches.put(step.get("as").getAsString(), new Batch(writer, step));
    }

    private void taken(JsonObject step) throws Exception {
        Batch batch = batches.get(step.get("taken").getAsString());
        int count = step.get("count").getAsInt();
        Conformance.until(() -> batch.futures.size() >= count, () -> batch.futures.size() + " were taken");
        Conformance.quiet();
        Json.expect(count, batch.futures.size());
    }

    private void answered(JsonObject step) throws Exception {
        Batch batch = batches.get(step.get("answered").getAsString());
        int count = step.get("count").getAsInt();
        Conformance.until(
                () -> batch.done() >= count,
                () -> "of " + batch.futures.size() + " futures, " + batch.done() + " are done");
    }

    private void written(JsonObject step) throws Exception {
        Batch batch = batches.get(step.get("written").getAsString());
        Conformance.until(
                () -> batch.futures.size() == batch.size || batch.ended != null,
                () -> batch.futures.size() + " were taken");
        if (batch.ended != null) {
            if (!step.has("error")) {
                throw new IllegalStateException(batch.ended);
            }
            Json.expect(step.get("error"), Json.ofError(batch.ended));
        }
        for (CompletableFuture<WriteRecordResponse> future : batch.futures) {
            try {
                WriteRecordResponse answer = future.get(Conformance.PATIENCE_SECONDS, TimeUnit.SECONDS);
                if (step.has("error")) {
                    throw new Failed("it went well, with " + Json.of(answer));
                }
                Json.expect(step.get("answer"), Json.of(answer));
            } catch (ExecutionException error) {
                if (!step.has("error")) {
                    throw error;
                }
                Json.expect(step.get("error"), Json.ofError(error.getCause()));
            }
        }
    }

    private void close(JsonObject step) {
        writers.remove(step.get("close").getAsString()).close();
    }

    private void follow(JsonObject step) {
        Message request = Method.of(step.get("follow").getAsString()).request(step.get("request"));
        Following following = new Following(
                request instanceof TailActivityRequest activity
                        ? client.tailActivity(activity)
                        : client.watchAlertEvents((WatchAlertEventsRequest) request));
        followed.put(step.get("as").getAsString(), following);
    }

    private void told(JsonObject step) throws Exception {
        Following following = followed.get(step.get("told").getAsString());
        int count = step.get("count").getAsInt();
        Conformance.until(
                () -> following.events.size() >= count || following.ended != null,
                () -> following.events.size() + " events were told");
        if (following.ended != null) {
            throw new IllegalStateException(following.ended);
        }
        if (step.has("exactly")) {
            Conformance.quiet();
            Json.expect(count, following.events.size());
        }
        if (step.has("answer")) {
            JsonArray found = new JsonArray();
            following.events.subList(0, count).forEach(found::add);
            Json.expect(step.get("answer"), found);
        }
        if (step.has("sequence")) {
            long expected = step.get("sequence").getAsLong();
            for (JsonElement event : following.events) {
                Json.expect(new JsonPrimitive(String.valueOf(expected++)), event.getAsJsonObject().get("sequence"));
            }
        }
    }

    private void ended(JsonObject step) throws Exception {
        Following following = followed.get(step.get("ended").getAsString());
        Conformance.until(() -> following.ended != null, () -> "it goes on");
        Json.expect(step.get("error"), Json.ofError(following.ended));
    }
}
