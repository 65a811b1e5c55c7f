// A consumer that does nothing with what it reads: a connection a partition, Fetch v4 one after the other, whole batches counted
// by their headers. It measures what a broker can give where librdkafka's own work on records would be the limit.
// rawfetch BROKER TOPIC PARTITIONS MEGABYTES FETCH_MAX_BYTES; partitions are read from their start as often as it takes.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

func fail(what string, err error) {
	fmt.Fprintln(os.Stderr, what, err)
	os.Exit(1)
}

func number(index int) int64 {
	value, err := strconv.ParseInt(os.Args[index], 10, 64)
	if err != nil {
		fail("argument", err)
	}
	return value
}

func request(topic string, partition int32, offset int64, maxBytes int32) []byte {
	be := binary.BigEndian
	body := be.AppendUint16(nil, 1)
	body = be.AppendUint16(body, 4)
	body = be.AppendUint32(body, uint32(partition))
	body = be.AppendUint16(body, 8)
	body = append(body, "rawfetch"...)
	body = be.AppendUint32(body, 0xffffffff)
	body = be.AppendUint32(body, 500)
	body = be.AppendUint32(body, 1)
	body = be.AppendUint32(body, uint32(maxBytes))
	body = append(body, 0)
	body = be.AppendUint32(body, 1)
	body = be.AppendUint16(body, uint16(len(topic)))
	body = append(body, topic...)
	body = be.AppendUint32(body, 1)
	body = be.AppendUint32(body, uint32(partition))
	body = be.AppendUint64(body, uint64(offset))
	body = be.AppendUint32(body, uint32(maxBytes))
	return append(be.AppendUint32(nil, uint32(len(body))), body...)
}

// The offset after the last whole batch, and the bytes of whole batches.
func walk(records []byte, next int64) (int64, int64) {
	be := binary.BigEndian
	at := 0
	for at+61 <= len(records) {
		size := 12 + int(be.Uint32(records[at+8:]))
		if at+size > len(records) {
			break
		}
		next = int64(be.Uint64(records[at:])) + int64(be.Uint32(records[at+23:])) + 1
		at += size
	}
	return next, int64(at)
}

func read(topic string, partition int32, wanted int64, maxBytes int32) {
	connection, err := net.Dial("tcp", os.Args[1])
	if err != nil {
		fail("connect", err)
	}
	defer connection.Close()
	be := binary.BigEndian
	// what stands before the records: size, correlation, throttle, topic, partition, error, offsets, aborted
	fixed := 4 + 4 + 4 + 4 + 2 + len(topic) + 4 + 4 + 2 + 8 + 8 + 4 + 4
	buffer := make([]byte, 4096+int(maxBytes)+2_000_000)
	var offset, done int64
	for done < wanted {
		if _, err := connection.Write(request(topic, partition, offset, maxBytes)); err != nil {
			fail("write", err)
		}
		if _, err := io.ReadFull(connection, buffer[:4]); err != nil {
			fail("read", err)
		}
		size := 4 + int(be.Uint32(buffer))
		if size < fixed || size > len(buffer) {
			fail("answer", fmt.Errorf("of %d bytes", size))
		}
		if _, err := io.ReadFull(connection, buffer[4:size]); err != nil {
			fail("read", err)
		}
		at := 4 + 4 + 4 + 4 + 2 + len(topic) + 4 + 4
		if code := be.Uint16(buffer[at:]); code != 0 {
			fail("answer", fmt.Errorf("error code %d", code))
		}
		next, bytes := walk(buffer[fixed:size], offset)
		if bytes == 0 {
			if offset == 0 {
				fail("answer", fmt.Errorf("partition %d is empty", partition))
			}
			offset = 0
			continue
		}
		offset, done = next, done+bytes
	}
}

func main() {
	if len(os.Args) != 6 {
		fail("usage:", fmt.Errorf("rawfetch BROKER TOPIC PARTITIONS MEGABYTES FETCH_MAX_BYTES"))
	}
	partitions, megabytes, maxBytes := number(3), number(4), number(5)
	start := time.Now()
	var all sync.WaitGroup
	for partition := range partitions {
		all.Add(1)
		go func() {
			defer all.Done()
			read(os.Args[2], int32(partition), megabytes*1_000_000/partitions, int32(maxBytes))
		}()
	}
	all.Wait()
	seconds := time.Since(start).Seconds()
	json.NewEncoder(os.Stdout).Encode(map[string]float64{"seconds": seconds, "megabytesPerSecond": float64(megabytes) / seconds})
}
