import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Prints group:name of the metrics that Java's clients have as soon as they exist. */
public final class MetricNames {
    public static void main(String[] args) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", "localhost:1", "group.id", "g"));
        for (String protocol : List.of("classic", "consumer")) {
            config.put("group.protocol", protocol);
            print(new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer()).metrics().keySet());
        }
        config.remove("group.protocol");
        print(new KafkaShareConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer()).metrics().keySet());
        config.remove("group.id");
        print(new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer()).metrics().keySet());
        print(Admin.create(config).metrics().keySet());
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private static void print(Collection<MetricName> names) {
        names.forEach(name -> System.out.println("METRIC " + name.group() + ":" + name.name()));
    }
}
