import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/** Idempotent acks=all load until a line comes on stdin: each partition gets 0, 1, 2, …; every record must be acknowledged in the end. */
public final class SequenceWriter {
  public static void main(String[] args) throws Exception {
    int partitions = Integer.parseInt(args[2]);
    AtomicBoolean stop = new AtomicBoolean();
    AtomicLong acknowledged = new AtomicLong();
    AtomicReference<Exception> failure = new AtomicReference<>();
    Thread reader = new Thread(() -> { new Scanner(System.in).nextLine(); stop.set(true); });
    reader.setDaemon(true);
    reader.start();
    Map<String, Object> config = Map.of("bootstrap.servers", args[0], "acks", "all", "enable.idempotence", true, "delivery.timeout.ms", 120000,
        "request.timeout.ms", 5000, "linger.ms", 2, "reconnect.backoff.max.ms", 100, "retry.backoff.max.ms", 200);
    long sent = 0;
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
      Semaphore window = new Semaphore(5000);
      long reported = 0;
      for (long i = 0; !stop.get() && failure.get() == null; i++) {
        for (int p = 0; p < partitions; p++) {
          window.acquire();
          sent++;
          producer.send(new ProducerRecord<>(args[1], p, "k" + p, Long.toString(i)), (metadata, error) -> {
            window.release();
            if (error != null) failure.compareAndSet(null, error); else acknowledged.incrementAndGet();
          });
        }
        if (acknowledged.get() - reported >= 500) { reported = acknowledged.get(); System.out.println("progress " + reported); }
      }
      producer.flush();
    }
    if (failure.get() != null) { failure.get().printStackTrace(); System.exit(1); }
    if (acknowledged.get() != sent) { System.err.println(sent + " sent, " + acknowledged.get() + " acknowledged"); System.exit(1); }
    System.out.println("acknowledged " + acknowledged.get());
  }
}
