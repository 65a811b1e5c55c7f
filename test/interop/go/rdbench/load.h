#pragma once
#include <stdint.h>

// Both give the seconds from the first to the last record, or a negative number and a message on stderr.
double rdbench_produce(const char *bootstrap, const char *topic, const char *acks, int64_t records, int size);
double rdbench_consume(const char *bootstrap, const char *topic, int partitions, int64_t records);
// One record at a time: produced with acks=all, consumed, then the next. `microseconds` gets `records` latencies, unsorted. 0 or -1.
int rdbench_latency(const char *bootstrap, const char *topic, int64_t records, int size, double *microseconds);
