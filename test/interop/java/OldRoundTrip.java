import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

/** The Java clients as they were from 2.1 on: admin, every codec and kind of acks, each assignor, offsets, deletions. */
public final class OldRoundTrip {
  static final String TOPIC = "old-round", GROUP = "old-group";
  static final List<String> CODECS = Arrays.asList("none", "gzip", "snappy", "lz4", "zstd");
  static String bootstrap;

  static void check(boolean condition, String what) { if (!condition) throw new AssertionError(what); }

  static void checkFails(Class<?> type, Future<?> future) throws Exception {
    try { future.get(); } catch (ExecutionException failure) { check(type.isInstance(failure.getCause()), type + ", not " + failure.getCause()); return; }
    throw new AssertionError("must fail with " + type);
  }

  /** What the controller did shows at the broker a moment later. */
  static void await(Callable<Boolean> condition, String what) throws Exception {
    long deadline = System.currentTimeMillis() + 10_000;
    while (!condition.call()) check(System.currentTimeMillis() < deadline, what);
  }

  static Map<String, Object> settings(Object... pairs) {
    Map<String, Object> settings = new HashMap<>(Collections.singletonMap("bootstrap.servers", bootstrap));
    for (int i = 0; i < pairs.length; i += 2) settings.put((String) pairs[i], pairs[i + 1]);
    return settings;
  }

  static KafkaConsumer<String, String> consumer(Object... pairs) {
    Map<String, Object> settings = settings(pairs);
    settings.put("auto.offset.reset", "earliest");
    return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
  }

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    int records = Integer.parseInt(args[1]);
    try (AdminClient admin = AdminClient.create(settings())) {
      administer(admin);
      int sent = 0;
      for (String codec : CODECS) for (String acks : Arrays.asList("0", "1", "all")) sent += produce(codec, acks, records);
      String assignors = "org.apache.kafka.clients.consumer.";
      for (String assignor : Arrays.asList("RangeAssignor", "RoundRobinAssignor", "StickyAssignor")) consume(GROUP + assignor, assignors + assignor, sent);
      seekAndDelete(admin);
      admin.deleteConsumerGroups(Collections.singletonList(GROUP + "RangeAssignor")).all().get();
      checkFails(org.apache.kafka.common.errors.GroupIdNotFoundException.class, admin.deleteConsumerGroups(Collections.singletonList("none")).all());
      admin.deleteTopics(Collections.singletonList(TOPIC)).all().get();
      System.out.println("ROUND TRIP OK " + sent);
    }
  }

  static void administer(AdminClient admin) throws Exception {
    NewTopic topic = new NewTopic(TOPIC, 3, (short) 1).configs(Collections.singletonMap("max.message.bytes", "200000"));
    admin.createTopics(Collections.singletonList(topic)).all().get();
    checkFails(org.apache.kafka.common.errors.TopicExistsException.class, admin.createTopics(Collections.singletonList(topic)).all());
    checkFails(org.apache.kafka.common.errors.InvalidReplicationFactorException.class, admin.createTopics(Collections.singletonList(new NewTopic("three", 1, (short) 3))).all());
    admin.createPartitions(Collections.singletonMap(TOPIC, NewPartitions.increaseTo(4))).all().get();
    await(() -> admin.describeTopics(Collections.singletonList(TOPIC)).values().get(TOPIC).get().partitions().size() == 4, "four partitions");
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
    check(admin.describeConfigs(Collections.singletonList(resource)).all().get().get(resource).get("max.message.bytes").value().equals("200000"), "setting as asked");
    Config retention = new Config(Collections.singletonList(new ConfigEntry("retention.ms", "123456789")));
    admin.alterConfigs(Collections.singletonMap(resource, retention)).all().get();
    await(() -> {
      Config altered = admin.describeConfigs(Collections.singletonList(resource)).all().get().get(resource);
      return altered.get("retention.ms").value().equals("123456789") && !altered.get("max.message.bytes").value().equals("200000");
    }, "all settings replaced");
    check(admin.describeLogDirs(Collections.singletonList(1)).all().get().get(1).size() == 1, "one folder");
  }

  static int produce(String codec, String acks, int records) throws Exception {
    Map<String, Object> settings = settings("compression.type", codec, "acks", acks, "linger.ms", "5", "enable.idempotence", String.valueOf(acks.equals("all")));
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      List<Future<RecordMetadata>> answers = new ArrayList<>();
      for (int i = 0; i < records; i++) answers.add(producer.send(new ProducerRecord<>(TOPIC, codec + "-" + acks + "-" + i, "value-" + i)));
      for (Future<RecordMetadata> answer : answers) answer.get();
      if (acks.equals("1")) checkFails(org.apache.kafka.common.errors.InvalidTopicException.class, producer.send(new ProducerRecord<>("no topic", "x")));
      if (acks.equals("0")) check(producer.send(new ProducerRecord<>("made-by-" + codec, "x")).get().partition() == 0, "a topic made by the first record");
    }
    return records;
  }

  static void consume(String group, String assignor, int sent) {
    Object[] pairs = {"group.id", group, "partition.assignment.strategy", assignor, "enable.auto.commit", "false"};
    Set<String> seen = new HashSet<>();
    try (KafkaConsumer<String, String> consumer = consumer(pairs)) {
      consumer.subscribe(Collections.singletonList(TOPIC));
      long deadline = System.currentTimeMillis() + 30_000;
      while (seen.size() < sent && System.currentTimeMillis() < deadline)
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) seen.add(record.key());
      check(seen.size() == sent, group + ": all records, not " + seen.size());
      consumer.commitSync();
    }
    try (KafkaConsumer<String, String> consumer = consumer(pairs)) {
      for (int p = 0; p < 4; p++) {
        TopicPartition partition = new TopicPartition(TOPIC, p);
        long end = consumer.endOffsets(Collections.singleton(partition)).get(partition);
        check(consumer.committed(partition).offset() == end, "committed to the end of " + partition);
      }
    }
  }

  static void seekAndDelete(AdminClient admin) throws Exception {
    TopicPartition partition = new TopicPartition(TOPIC, 0);
    try (KafkaConsumer<String, String> consumer = consumer("isolation.level", "read_committed")) {
      check(consumer.offsetsForTimes(Collections.singletonMap(partition, 1L)).get(partition).offset() == 0, "offset for a time");
      check(admin.deleteRecords(Collections.singletonMap(partition, RecordsToDelete.beforeOffset(10))).lowWatermarks().get(partition).get().lowWatermark() == 10, "low watermark");
      consumer.assign(Collections.singleton(partition));
      consumer.seek(partition, 3);
      ConsumerRecords<String, String> polled = ConsumerRecords.empty();
      for (int i = 0; i < 100 && polled.isEmpty(); i++) polled = consumer.poll(Duration.ofMillis(100));
      check(polled.iterator().next().offset() == 10, "what is deleted is reset to the beginning");
    }
  }
}
