import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's tools one after the other in one process. A line of standard input is what the tool reads there, in base64, a main
 * class and its arguments, with unit separators between them; a line of standard output is the exit code, standard output and standard
 * error, the latter two in base64. A tool that ends the process ends this one: then its exit code is `exit`.
 */
public final class ToolRunner {
    private static final class Ended extends Error {
        Ended() {
            super("ENDED", null, false, false);
        }
    }

    private static final PrintStream REAL = System.out;
    private static ByteArrayOutputStream out;
    private static ByteArrayOutputStream err;
    private static Integer exitCode;
    private static final List<Runnable> HOOKS = new ArrayList<>();
    private static volatile boolean isRunning;

    public static void main(String[] args) throws Exception {
        Exit.setExitProcedure((code, message) -> end(code));
        Exit.setHaltProcedure((code, message) -> end(code));
        Exit.setShutdownHookAdder((name, hook) -> HOOKS.add(hook));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (isRunning) report("exit");
        }));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) run(line.split("\u001f", -1));
    }

    /** A tool that catches everything goes on: what it says from here on it would not have said. */
    private static void end(int code) {
        if (exitCode == null) exitCode = code;
        System.setOut(new PrintStream(OutputStream.nullOutputStream()));
        System.setErr(new PrintStream(OutputStream.nullOutputStream()));
        throw new Ended();
    }

    private static void run(String[] words) throws Exception {
        out = new ByteArrayOutputStream();
        err = new ByteArrayOutputStream();
        exitCode = null;
        System.setIn(new ByteArrayInputStream(Base64.getDecoder().decode(words[0])));
        capture();
        isRunning = true;
        int code = 0;
        try {
            String[] args = Arrays.copyOfRange(words, 2, words.length);
            Class.forName(words[1]).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException thrown) {
            if (!(thrown.getCause() instanceof Ended)) {
                code = 1;
                System.err.print("Exception in thread \"main\" ");
                thrown.getCause().printStackTrace();
            }
        }
        // The end of the process, as far as the tool knows: the console producer sends its last records then.
        capture();
        HOOKS.forEach(Runnable::run);
        HOOKS.clear();
        isRunning = false;
        report(String.valueOf(exitCode == null ? code : exitCode));
    }

    private static void capture() {
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    private static void report(String code) {
        Base64.Encoder encoder = Base64.getEncoder();
        REAL.println(code + "\u001f" + encoder.encodeToString(out.toByteArray()) + "\u001f" + encoder.encodeToString(err.toByteArray()));
        REAL.flush();
    }
}
