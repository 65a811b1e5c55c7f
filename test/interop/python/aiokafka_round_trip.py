"""aiokafka: producer with idempotence, group consumer, seek by timestamp."""
import asyncio
import sys
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

bootstrap, records = sys.argv[1], int(sys.argv[2])


async def main():
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("aio-round", 3, 1)])
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, compression_type="gzip")
    await producer.start()
    answers = [await producer.send("aio-round", key=str(i).encode(), value=f"v{i}".encode(), headers=[("i", str(i).encode())]) for i in range(records)]
    for answer in answers:
        await answer
    await producer.stop()
    consumer = AIOKafkaConsumer("aio-round", bootstrap_servers=bootstrap, group_id="aio-group", auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    seen = set()
    while len(seen) < records:
        batches = await asyncio.wait_for(consumer.getmany(timeout_ms=1000), 30)
        for messages in batches.values():
            for message in messages:
                seen.add((message.key, message.value))
    assert seen == {(str(i).encode(), f"v{i}".encode()) for i in range(records)}
    await consumer.commit()
    ends = await consumer.end_offsets(list(consumer.assignment()))
    for partition, end in ends.items():
        assert await consumer.committed(partition) == end
    await consumer.stop()
    await admin.delete_topics(["aio-round"])
    await admin.close()
    print("ROUND TRIP OK", len(seen))


asyncio.run(main())
