// franz-go: admin, idempotent producer, group consumer with commits, one round trip.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	bootstrap := os.Args[1]
	records, err := strconv.Atoi(os.Args[2])
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	must(err)
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(ctx, 5, 1, map[string]*string{"max.message.bytes": kadm.StringPtr("2000000")}, "franz-round")
	must(err)
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		producer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ProducerBatchCompression(codec), kgo.DefaultProduceTopic("franz-round"))
		must(err)
		for i := 0; i < records; i++ {
			producer.Produce(ctx, kgo.KeyStringRecord(strconv.Itoa(i), "value-"+strconv.Itoa(i)), func(_ *kgo.Record, err error) { must(err) })
		}
		must(producer.Flush(ctx))
		producer.Close()
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup("franz-group"), kgo.ConsumeTopics("franz-round"),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(err)
	seen := 0
	next := map[int32]int64{}
	for seen < 5*records {
		fetches := consumer.PollFetches(ctx)
		must(fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) {
			if record.Offset != next[record.Partition] {
				must(fmt.Errorf("partition %d: offset %d after %d", record.Partition, record.Offset, next[record.Partition]-1))
			}
			next[record.Partition] = record.Offset + 1
			if string(record.Value) != "value-"+string(record.Key) {
				must(fmt.Errorf("wrong value %q of key %q", record.Value, record.Key))
			}
			seen++
		})
	}
	must(consumer.CommitUncommittedOffsets(ctx))
	lags, err := admin.Lag(ctx, "franz-group")
	must(err)
	if lag := lags["franz-group"].Lag.Total(); lag != 0 {
		must(fmt.Errorf("lag %d after the commit", lag))
	}
	consumer.Close()
	_, err = admin.DeleteGroups(ctx, "franz-group")
	must(err)
	_, err = admin.DeleteTopics(ctx, "franz-round")
	must(err)
	fmt.Println("ROUND TRIP OK", seen)
}
