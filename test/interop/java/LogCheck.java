import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Reads every partition of a topic to its end; prints `partition offset key value` a line, so that two brokers' answers can be compared. */
public final class LogCheck {
  public static void main(String[] args) {
    Map<String, Object> config = Map.of("bootstrap.servers", args[0], "auto.offset.reset", "earliest", "isolation.level", args.length > 2 ? args[2] : "read_uncommitted");
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      consumer.partitionsFor(args[1]).forEach(info -> partitions.add(new TopicPartition(info.topic(), info.partition())));
      partitions.sort(Comparator.comparingInt(TopicPartition::partition));
      for (TopicPartition partition : partitions) {
        consumer.assign(List.of(partition));
        consumer.seekToBeginning(List.of(partition));
        long end = consumer.endOffsets(List.of(partition)).get(partition);
        long deadline = System.currentTimeMillis() + 60_000;
        while (consumer.position(partition) < end) {
          if (System.currentTimeMillis() > deadline) throw new AssertionError(partition + " ended at " + consumer.position(partition) + ", not " + end);
          for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500)))
            System.out.println(record.partition() + " " + record.offset() + " " + record.key() + " " + record.value());
        }
        System.out.println(partition.partition() + " end " + end);
      }
    }
  }
}
