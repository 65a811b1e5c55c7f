// librdkafka as a load client:
//
//	rdbench produce BOOTSTRAP TOPIC RECORDS SIZE ACKS
//	rdbench consume BOOTSTRAP TOPIC RECORDS SIZE PARTITIONS
//	rdbench latency BOOTSTRAP TOPIC RECORDS SIZE WARMUP
//
// prints one JSON line. The confluent-kafka-go module carries librdkafka prebuilt; its folder of headers comes in by
// CGO_CFLAGS (see test/interop/support/toolchains.ts).
package main

// #include <stdlib.h>
// #include "load.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"syscall"
	"unsafe"

	_ "github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return value
}

// User and system seconds of this process: near one a second and more, and it is the client that is measured.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

func latency(bootstrap, topic *C.char, records, size, warmup int) {
	samples := make([]float64, warmup+records)
	if C.rdbench_latency(bootstrap, topic, C.int64_t(len(samples)), C.int(size), (*C.double)(unsafe.Pointer(&samples[0]))) != 0 {
		os.Exit(1)
	}
	samples = samples[warmup:]
	sort.Float64s(samples)
	out, _ := json.Marshal(map[string]any{"p50Us": samples[len(samples)/2], "p99Us": samples[len(samples)*99/100], "maxUs": samples[len(samples)-1]})
	fmt.Println(string(out))
}

func main() {
	if len(os.Args) != 7 {
		fmt.Fprintln(os.Stderr, "usage: rdbench produce|consume|latency BOOTSTRAP TOPIC RECORDS SIZE ACKS|PARTITIONS|WARMUP")
		os.Exit(2)
	}
	bootstrap, topic := C.CString(os.Args[2]), C.CString(os.Args[3])
	records, size := number(os.Args[4]), number(os.Args[5])
	if os.Args[1] == "latency" {
		latency(bootstrap, topic, records, size, number(os.Args[6]))
		return
	}
	var seconds float64
	if os.Args[1] == "produce" {
		seconds = float64(C.rdbench_produce(bootstrap, topic, C.CString(os.Args[6]), C.int64_t(records), C.int(size)))
	} else {
		seconds = float64(C.rdbench_consume(bootstrap, topic, C.int(number(os.Args[6])), C.int64_t(records)))
	}
	if seconds < 0 {
		os.Exit(1)
	}
	out, _ := json.Marshal(map[string]any{"seconds": seconds, "recordsPerSecond": float64(records) / seconds,
		"megabytesPerSecond": float64(records) * float64(size) / seconds / 1e6, "clientCores": cpuSeconds() / seconds})
	fmt.Println(string(out))
}
