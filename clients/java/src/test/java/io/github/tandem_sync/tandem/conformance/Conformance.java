package io.github.tandem_sync.tandem.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Plays a case of clients/conformance, whose file is the argument. What steps mean is said there. */
public final class Conformance {
    static final long PATIENCE_SECONDS = 60;
    // How long nothing more must happen where nothing more may.
    private static final long QUIET_MILLIS = 500;
    private static final long LOOK_AGAIN_MILLIS = 20;

    private Conformance() {}

    public static void main(String[] arguments) throws IOException {
        JsonArray steps = JsonParser.parseString(Files.readString(Path.of(arguments[0])))
                .getAsJsonObject()
                .getAsJsonArray("steps");
        Case played = new Case();
        int number = 0;
        for (JsonElement each : steps) {
            number++;
            JsonObject step = each.getAsJsonObject();
            try {
                played.play(step);
            } catch (Exception error) {
                String told = step.toString();
                System.err.println("step " + number + ", " + told.substring(0, Math.min(300, told.length())));
                error.printStackTrace();
                Runtime.getRuntime().halt(1);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    static void inBackground(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }

    static void until(BooleanSupplier done, Supplier<String> what) throws InterruptedException {
        long begun = System.nanoTime();
        while (!done.getAsBoolean()) {
            if (System.nanoTime() - begun > PATIENCE_SECONDS * 1_000_000_000) {
                throw new Failed("it did not come to it: " + what.get());
            }
            lookAgain();
        }
    }

    static void lookAgain() throws InterruptedException {
        Thread.sleep(LOOK_AGAIN_MILLIS);
    }

    static void quiet() throws InterruptedException {
        Thread.sleep(QUIET_MILLIS);
    }
}
