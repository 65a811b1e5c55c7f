#pragma once
#include <stdint.h>

// Both give the seconds from the first to the last record, or a negative number and a message on stderr.
double rdbench_produce(const char *bootstrap, const char *topic, const char *acks, int64_t records, int size);
double rdbench_consume(const char *bootstrap, const char *topic, int partitions, int64_t records);
