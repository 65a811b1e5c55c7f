"""librdkafka by Python as a load: confluent.py MODE BOOTSTRAP TOPIC RECORDS SIZE; see load.ts for the modes."""
import json
import os
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

mode, bootstrap, topic, records, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
value = b"x" * size


failures = []
# only what fails is reported, which costs nothing where nothing does
reports = {"delivery.report.only.error": True, "on_delivery": lambda error, message: failures.append(error)}


def produce(count):
    producer = Producer(reports | {"bootstrap.servers": bootstrap, "acks": 1, "linger.ms": 5, "batch.size": 131072, "queue.buffering.max.messages": 1000000})
    for _ in range(count):
        while True:
            try:
                producer.produce(topic, value)
                break
            except BufferError:
                producer.poll(0.01)
    producer.flush()
    assert not failures and len(producer) == 0, failures[:1]


def consume(count, as_strings):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"bench-{os.getpid()}", "auto.offset.reset": "earliest", "enable.auto.commit": False, "queued.min.messages": 1000000})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(4)])
    seen = total = 0
    while seen < count:
        for message in consumer.consume(10000, 1.0):
            text = message.value()
            total += len(text.decode() if as_strings else text)
            seen += 1
    consumer.close()
    assert total >= count * size


def load(count):
    if mode == "produce":
        produce(count)
    else:
        consume(count, mode == "strings")


if mode == "single":
    producer = Producer(reports | {"bootstrap.servers": bootstrap, "acks": 1, "linger.ms": 0})
    times = []
    for _ in range(records):
        start = time.perf_counter()
        producer.produce(topic, value)
        producer.flush()
        times.append((time.perf_counter() - start) * 1e6)
    assert not failures, failures[:1]
    measured = sorted(times[records // 10:])
    print(json.dumps({"p50Us": measured[len(measured) // 2], "p99Us": measured[int(len(measured) * 0.99)]}))
else:
    load(records // 10)
    cpu, start = time.process_time(), time.perf_counter()
    load(records)
    seconds, used = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({"recordsPerSecond": records / seconds, "recordsPerCpuSecond": records / used}))
