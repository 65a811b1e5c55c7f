"""kafka-python: admin, idempotent producer with every codec, group consumer, seek by timestamp, commits."""
import sys
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

bootstrap, records = sys.argv[1], int(sys.argv[2])
admin = KafkaAdminClient(bootstrap_servers=bootstrap)
admin.create_topics([NewTopic(name="kp-round", num_partitions=3, replication_factor=1)])
expected = set()
for codec in [None, "gzip"]:
    producer = KafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", compression_type=codec, linger_ms=5)
    futures = []
    for i in range(records):
        value = f"{codec}-{i}".encode()
        expected.add(value)
        futures.append(producer.send("kp-round", key=str(i).encode(), value=value, headers=[("i", str(i).encode())]))
    producer.flush(30)
    assert all(future.succeeded() for future in futures)
    producer.close()
consumer = KafkaConsumer("kp-round", bootstrap_servers=bootstrap, group_id="kp-group", auto_offset_reset="earliest", enable_auto_commit=False,
                         consumer_timeout_ms=30000)
seen = set()
for message in consumer:
    assert message.headers == [("i", message.key)], message
    seen.add(message.value)
    if len(seen) == len(expected):
        break
assert seen == expected, (len(seen), len(expected))
partitions = [TopicPartition("kp-round", p) for p in range(3)]
consumer.commit()
ends = consumer.end_offsets(partitions)
assert sum(ends.values()) == len(expected)
assert all(consumer.committed(partition) == end for partition, end in ends.items())
assert all(found.offset == 0 for found in consumer.offsets_for_times({partition: 1 for partition in partitions}).values())
consumer.close()
admin.delete_topics(["kp-round"])
admin.close()
print("ROUND TRIP OK", len(seen))
