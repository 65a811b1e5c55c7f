// sarama: admin, idempotent producer with every codec, group consumer with commits, as a client of several versions of Kafka.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type handler struct {
	want int
	seen map[string]bool
	done chan struct{}
}

func (*handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (h *handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			h.seen[string(message.Value)] = true
			session.MarkMessage(message, "")
			if len(h.seen) == h.want {
				session.Commit()
				close(h.done)
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

func roundTrip(bootstrap []string, version sarama.KafkaVersion, records int) int {
	topic := "sarama-" + version.String()
	config := sarama.NewConfig()
	config.Version = version
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	admin, err := sarama.NewClusterAdmin(bootstrap, config)
	must(err)
	must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	h := &handler{seen: map[string]bool{}, done: make(chan struct{})}
	for _, codec := range []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD} {
		config.Producer.Compression = codec
		producer, err := sarama.NewSyncProducer(bootstrap, config)
		must(err)
		messages := []*sarama.ProducerMessage{}
		for i := 0; i < records; i++ {
			messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(codec.String() + strconv.Itoa(i))})
		}
		must(producer.SendMessages(messages))
		must(producer.Close())
		h.want += records
	}
	group, err := sarama.NewConsumerGroup(bootstrap, topic+"-group", config)
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			_ = group.Consume(ctx, []string{topic}, h)
		}
	}()
	select {
	case <-h.done:
	case <-ctx.Done():
		must(fmt.Errorf("%v: not all records came", version))
	}
	cancel()
	must(group.Close())
	offsets, err := admin.ListConsumerGroupOffsets(topic+"-group", map[string][]int32{topic: {0}})
	must(err)
	if committed := offsets.GetBlock(topic, 0).Offset; committed != int64(h.want) {
		must(fmt.Errorf("%v: committed %d of %d", version, committed, h.want))
	}
	must(admin.DeleteConsumerGroup(topic + "-group"))
	must(admin.DeleteTopic(topic))
	must(admin.Close())
	return h.want
}

func main() {
	records, err := strconv.Atoi(os.Args[2])
	must(err)
	total := 0
	for _, version := range []sarama.KafkaVersion{sarama.V2_1_0_0, sarama.V2_8_0_0, sarama.V4_0_0_0} {
		total += roundTrip([]string{os.Args[1]}, version, records)
	}
	fmt.Println("ROUND TRIP OK", total)
}
