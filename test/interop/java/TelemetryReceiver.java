import java.util.List;
import java.util.Map;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricsReporter;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;
import org.apache.kafka.server.telemetry.ClientTelemetry;
import org.apache.kafka.server.telemetry.ClientTelemetryPayload;
import org.apache.kafka.server.telemetry.ClientTelemetryReceiver;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.Metric;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.MetricsData;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.NumberDataPoint;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.ResourceMetrics;

/**
 * A plugin of a broker: prints what clients push (KIP-714), one line a metric, `TELEMETRY client last name kind value labels`.
 */
public final class TelemetryReceiver implements MetricsReporter, ClientTelemetry, ClientTelemetryReceiver {
    @Override
    public ClientTelemetryReceiver clientReceiver() {
        return this;
    }

    @Override
    public void exportMetrics(AuthorizableRequestContext context, ClientTelemetryPayload payload) {
        StringBuilder lines = new StringBuilder();
        String head = "TELEMETRY " + context.clientId() + " " + payload.clientInstanceId() + " " + payload.isTerminating() + " ";
        lines.append(head).append("PUSH").append('\n');
        try {
            for (ResourceMetrics resource : MetricsData.parseFrom(payload.data()).getResourceMetricsList()) {
                resource.getResource().getAttributesList().forEach(label ->
                    lines.append(head).append("LABEL ").append(label.getKey()).append('=').append(label.getValue().getStringValue()).append('\n'));
                for (Metric metric : resource.getScopeMetricsList().stream().flatMap(scope -> scope.getMetricsList().stream()).toList()) {
                    String kind = metric.hasSum() ? "sum " + metric.getSum().getAggregationTemporality() + " " + metric.getSum().getIsMonotonic() : "gauge";
                    List<NumberDataPoint> points = metric.hasSum() ? metric.getSum().getDataPointsList() : metric.getGauge().getDataPointsList();
                    for (NumberDataPoint point : points) {
                        lines.append(head).append(metric.getName()).append(' ').append(kind).append(' ').append(point.getAsDouble());
                        point.getAttributesList().forEach(label ->
                            lines.append(' ').append(label.getKey()).append('=').append(label.getValue().getStringValue()));
                        lines.append('\n');
                    }
                }
            }
        } catch (Exception error) {
            lines.append(head).append("BROKEN ").append(error).append('\n');
        }
        System.out.print(lines);
    }

    @Override
    public void init(List<KafkaMetric> metrics) {
    }

    @Override
    public void metricChange(KafkaMetric metric) {
    }

    @Override
    public void metricRemoval(KafkaMetric metric) {
    }

    @Override
    public void configure(Map<String, ?> configs) {
    }

    @Override
    public void close() {
    }
}
