import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Java's client as a load, with the modes of bench/clients/load.ts: ClientLoad MODE BOOTSTRAP TOPIC RECORDS SIZE. */
public class ClientLoad {
  static String bootstrap, topic;
  static byte[] value;

  static KafkaProducer<byte[], byte[]> producer(int lingerMs) {
    return new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap, "acks", "1", "enable.idempotence", "false", "linger.ms", lingerMs,
        "batch.size", 131072, "key.serializer", ByteArraySerializer.class, "value.serializer", ByteArraySerializer.class));
  }

  static volatile Exception failure;

  static void produce(int count) {
    Callback onSent = (metadata, error) -> {
      if (error != null) failure = error;
    };
    try (var producer = producer(5)) {
      for (int i = 0; i < count; i++) producer.send(new ProducerRecord<>(topic, value), onSent);
      producer.flush();
    }
    if (failure != null) throw new IllegalStateException("not all was sent", failure);
  }

  static long consume(int count, boolean asStrings) {
    var settings = Map.<String, Object>of("bootstrap.servers", bootstrap, "max.poll.records", 10000, "auto.offset.reset", "earliest",
        "enable.auto.commit", "false", "key.deserializer", ByteArrayDeserializer.class,
        "value.deserializer", asStrings ? StringDeserializer.class : ByteArrayDeserializer.class);
    long total = 0;
    int seen = 0;
    try (var consumer = new KafkaConsumer<byte[], Object>(settings)) {
      consumer.assign(List.of(0, 1, 2, 3).stream().map(partition -> new TopicPartition(topic, partition)).toList());
      while (seen < count)
        for (ConsumerRecord<byte[], Object> record : consumer.poll(Duration.ofSeconds(1))) {
          total += record.value() instanceof String text ? text.length() : ((byte[]) record.value()).length;
          seen++;
        }
    }
    return total;
  }

  static void load(String mode, int count) {
    if (mode.equals("produce")) produce(count);
    else if (consume(count, mode.equals("strings")) < (long) count * value.length) throw new IllegalStateException("bytes are missing");
  }

  public static void main(String[] args) throws Exception {
    String mode = args[0];
    bootstrap = args[1];
    topic = args[2];
    int records = Integer.parseInt(args[3]);
    value = "x".repeat(Integer.parseInt(args[4])).getBytes(StandardCharsets.UTF_8);
    if (mode.equals("single")) {
      double[] times = new double[records];
      try (var producer = producer(0)) {
        for (int i = 0; i < records; i++) {
          long start = System.nanoTime();
          producer.send(new ProducerRecord<>(topic, value)).get();
          times[i] = (System.nanoTime() - start) / 1e3;
        }
      }
      double[] measured = Arrays.copyOfRange(times, records / 10, records);
      Arrays.sort(measured);
      System.out.printf("{\"p50Us\":%f,\"p99Us\":%f}%n", measured[measured.length / 2], measured[(int) (measured.length * 0.99)]);
      return;
    }
    load(mode, records / 10);
    long start = System.nanoTime();
    load(mode, records);
    System.out.printf("{\"recordsPerSecond\":%f}%n", records / ((System.nanoTime() - start) / 1e9));
  }
}
