"""librdkafka through confluent-kafka: admin, idempotent producer with every codec, consumer group, commits."""
import sys
from confluent_kafka import Consumer, Producer, TopicPartition, KafkaError
from confluent_kafka.admin import AdminClient, NewTopic, ConfigResource

bootstrap, records = sys.argv[1], int(sys.argv[2])
admin = AdminClient({"bootstrap.servers": bootstrap})
for topic, future in admin.create_topics([NewTopic("rd-round", 4, 1, config={"retention.ms": "3600000"})]).items():
    future.result(30)
described = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, "rd-round")])
config = next(iter(described.values())).result(30)
assert config["retention.ms"].value == "3600000", config["retention.ms"]

failures = []
delivered = {}


def on_delivery(error, message):
    if error is not None:
        failures.append(str(error))
    else:
        delivered[message.value()] = (message.partition(), message.offset())


expected = set()
for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": codec, "linger.ms": 5})
    for i in range(records):
        value = f"{codec}-{i}-{'x' * (i % 300)}".encode()
        expected.add(value)
        producer.produce("rd-round", key=str(i).encode(), value=value, headers=[("codec", codec.encode())], on_delivery=on_delivery)
        if i % 1000 == 0:
            producer.poll(0)
    assert producer.flush(60) == 0
assert not failures, failures[:3]
assert len(delivered) == len(expected)

consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "rd-group", "auto.offset.reset": "earliest", "enable.auto.commit": False,
                     "enable.partition.eof": True, "check.crcs": True})
consumer.subscribe(["rd-round"])
seen = set()
ended = set()
while len(ended) < 4:
    message = consumer.poll(30)
    assert message is not None, "nothing for 30 s"
    if message.error():
        assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
        ended.add(message.partition())
        continue
    assert delivered[message.value()] == (message.partition(), message.offset())
    assert message.headers()[0][0] == "codec"
    seen.add(message.value())
assert seen == expected, (len(seen), len(expected))
consumer.commit(asynchronous=False)
partitions = [TopicPartition("rd-round", p) for p in range(4)]
total = 0
for partition in consumer.committed(partitions, timeout=30):
    low, high = consumer.get_watermark_offsets(TopicPartition("rd-round", partition.partition), timeout=30)
    assert partition.offset == high, (partition, high)
    total += high
assert total == len(expected)
consumer.close()
groups = admin.list_consumer_groups().result(30)
assert any(group.group_id == "rd-group" for group in groups.valid)
next(iter(admin.delete_consumer_groups(["rd-group"]).values())).result(30)
next(iter(admin.delete_topics(["rd-round"]).values())).result(30)
print("ROUND TRIP OK", len(seen))
