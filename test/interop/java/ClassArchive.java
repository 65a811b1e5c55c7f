import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Loads what brokers, clients and tools load, by using a broker a little: -XX:ArchiveClassesAtExit then writes the classes down. */
public final class ClassArchive {
  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]);
    try (ServerSocket one = new ServerSocket(0); ServerSocket two = new ServerSocket(0)) {
      Files.writeString(folder.resolve("server.properties"), String.join("\n",
          "process.roles=broker,controller",
          "node.id=1",
          "controller.quorum.voters=1@localhost:" + two.getLocalPort(),
          "listeners=PLAINTEXT://localhost:" + one.getLocalPort() + ",CONTROLLER://localhost:" + two.getLocalPort(),
          "controller.listener.names=CONTROLLER",
          "log.dirs=" + folder.resolve("data"),
          "offsets.topic.replication.factor=1",
          "offsets.topic.num.partitions=1",
          "group.initial.rebalance.delay.ms=0"));
      use(folder.resolve("server.properties").toString(), "localhost:" + one.getLocalPort(), one, two);
    }
    System.exit(0);
  }

  private static void use(String file, String address, ServerSocket... reserved) throws Exception {
    kafka.tools.StorageTool.execute(new String[] {"format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", file}, System.out);
    for (ServerSocket socket : reserved) socket.close();
    Thread broker = new Thread(() -> kafka.Kafka.main(new String[] {file}));
    broker.setDaemon(true);
    broker.start();
    Map<String, Object> config = Map.of("bootstrap.servers", address, "group.id", "g", "auto.offset.reset", "earliest");
    try (Admin admin = Admin.create(config)) {
      admin.createTopics(List.of(new NewTopic("t", 1, (short) 1))).all().get();
    }
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
      producer.send(new ProducerRecord<>("t", "v")).get();
    }
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of("t"));
      while (consumer.poll(Duration.ofMillis(500)).isEmpty());
    }
  }
}
