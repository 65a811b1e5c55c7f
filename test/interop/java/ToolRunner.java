import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs main classes of Apache's tools one after the other in this process, so that a test pays for one start of Java. A line of input is
 * the base64 of the class and the arguments, separated by U+0001; the answer is `exit code, base64 of out, base64 of err`.
 */
public class ToolRunner {
    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] call = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8).split("\u0001", -1);
            answers.println(run(call[0], Arrays.copyOfRange(call, 1, call.length)));
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private static String run(String mainClass, String[] args) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        BlockingQueue<Integer> exits = new ArrayBlockingQueue<>(100);
        // What comes after the exit must not happen: the thread stays where it is.
        Exit.Procedure stop = (code, message) -> {
            exits.add(code);
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException ignored) {
            }
        };
        Exit.setExitProcedure(stop);
        Exit.setHaltProcedure(stop);
        Thread thread = new Thread(() -> exits.add(call(mainClass, args)), "main");
        thread.setDaemon(true);
        thread.start();
        Integer code = exits.poll(120, TimeUnit.SECONDS);
        Base64.Encoder base64 = Base64.getEncoder();
        return (code == null ? "timeout" : code) + " " + base64.encodeToString(out.toByteArray()) + " " + base64.encodeToString(err.toByteArray());
    }

    private static int call(String mainClass, String[] args) {
        try {
            Class.forName(mainClass).getMethod("main", String[].class).invoke(null, (Object) args);
            return 0;
        } catch (InvocationTargetException error) {
            System.err.print("Exception in thread \"main\" ");
            error.getCause().printStackTrace();
            return 1;
        } catch (ReflectiveOperationException error) {
            error.printStackTrace();
            return 1;
        }
    }
}
