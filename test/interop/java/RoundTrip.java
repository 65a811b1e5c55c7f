import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

/** Apache's Java clients with default settings: admin, idempotent producer, classic group of two members with a rebalance. */
public final class RoundTrip {
  static void check(boolean condition, String what) { if (!condition) throw new AssertionError(what); }

  static KafkaConsumer<String, String> consumer(String bootstrap, String group, String assignor) {
    return new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap, "group.id", group, "auto.offset.reset", "earliest",
        "enable.auto.commit", "false", "partition.assignment.strategy", assignor),
        new StringDeserializer(), new StringDeserializer());
  }

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0];
    int records = Integer.parseInt(args[1]);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      admin.createTopics(List.of(new NewTopic("java-round", 6, (short) 1).configs(Map.of("segment.bytes", "1048576")))).all().get();
      TopicDescription description = admin.describeTopics(List.of("java-round")).allTopicNames().get().get("java-round");
      check(description.partitions().size() == 6, "six partitions");
      check(!description.topicId().equals(Uuid.ZERO_UUID), "a topic id");
      Config config = admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.TOPIC, "java-round"))).all().get().values().iterator().next();
      check("1048576".equals(config.get("segment.bytes").value()), "segment.bytes as asked");
      try {
        admin.createTopics(List.of(new NewTopic("java-round", 1, (short) 1))).all().get();
        check(false, "a second creation must fail");
      } catch (ExecutionException expected) {
        check(expected.getCause() instanceof org.apache.kafka.common.errors.TopicExistsException, "TopicExistsException");
      }
    }
    Map<Integer, Long> last = new HashMap<>();
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap), new StringSerializer(), new StringSerializer())) {
      List<Future<RecordMetadata>> answers = new ArrayList<>();
      for (int i = 0; i < records; i++) {
        ProducerRecord<String, String> record = new ProducerRecord<>("java-round", "key-" + i, "value-" + i);
        record.headers().add("n", Integer.toString(i).getBytes());
        answers.add(producer.send(record));
      }
      for (Future<RecordMetadata> answer : answers) last.merge(answer.get().partition(), answer.get().offset(), Math::max);
    }
    Map<String, String> seen = new HashMap<>();
    String cooperative = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
    try (KafkaConsumer<String, String> one = consumer(bootstrap, "java-group", cooperative); KafkaConsumer<String, String> two = consumer(bootstrap, "java-group", cooperative)) {
      one.subscribe(List.of("java-round"), new ConsumerRebalanceListener() {
        @Override public void onPartitionsRevoked(Collection<TopicPartition> partitions) { one.commitSync(); }
        @Override public void onPartitionsAssigned(Collection<TopicPartition> partitions) { }
      });
      long deadline = System.currentTimeMillis() + 60_000;
      while (one.assignment().size() != 6 && System.currentTimeMillis() < deadline) take(one.poll(Duration.ofMillis(100)), seen);
      check(one.assignment().size() == 6, "the first member owns all partitions");
      two.subscribe(List.of("java-round"));
      while ((one.assignment().size() != 3 || two.assignment().size() != 3 || seen.size() < records) && System.currentTimeMillis() < deadline) {
        take(one.poll(Duration.ofMillis(50)), seen);
        take(two.poll(Duration.ofMillis(50)), seen);
      }
      check(one.assignment().size() == 3 && two.assignment().size() == 3, "three partitions each, not " + one.assignment() + " and " + two.assignment());
      check(seen.size() == records, "all records, not " + seen.size());
      for (int i = 0; i < records; i++) check(("value-" + i).equals(seen.get("key-" + i)), "value of key-" + i);
      for (TopicPartition partition : two.assignment()) two.position(partition);
      one.commitSync();
      two.commitSync();
    }
    try (KafkaConsumer<String, String> three = consumer(bootstrap, "java-group", cooperative)) {
      Set<TopicPartition> partitions = new HashSet<>();
      for (int p = 0; p < 6; p++) partitions.add(new TopicPartition("java-round", p));
      Map<TopicPartition, OffsetAndMetadata> committed = three.committed(partitions);
      for (TopicPartition partition : partitions) {
        long expected = last.containsKey(partition.partition()) ? last.get(partition.partition()) + 1 : 0;
        check(committed.get(partition) != null && committed.get(partition).offset() == expected, "committed of " + partition + ": " + committed.get(partition));
      }
      Map<TopicPartition, OffsetAndTimestamp> times = three.offsetsForTimes(Map.of(new TopicPartition("java-round", 0), 0L));
      check(times.get(new TopicPartition("java-round", 0)).offset() == 0, "offset for time 0");
    }
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      check(admin.describeConsumerGroups(List.of("java-group")).all().get().get("java-group").members().isEmpty(), "no member left");
      admin.deleteTopics(List.of("java-round")).all().get();
    }
    System.out.println("ROUND TRIP OK " + records);
  }

  static void take(ConsumerRecords<String, String> records, Map<String, String> seen) {
    for (ConsumerRecord<String, String> record : records) {
      check(record.headers().lastHeader("n") != null, "header n");
      seen.put(record.key(), record.value());
    }
  }
}
