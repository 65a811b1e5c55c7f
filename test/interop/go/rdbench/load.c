// The loops of the load client, in C so that librdkafka and not the binding is the limit.
#include "load.h"
#include <rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int set(rd_kafka_conf_t *conf, const char *key, const char *value) {
  char error[256];
  if (rd_kafka_conf_set(conf, key, value, error, sizeof error) == RD_KAFKA_CONF_OK) return 0;
  fprintf(stderr, "%s=%s: %s\n", key, value, error);
  return -1;
}

static int64_t failed;
static int64_t delivered;

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
  (void)client;
  (void)opaque;
  if (message->err) failed++; else delivered++;
}

double rdbench_produce(const char *bootstrap, const char *topic_name, const char *acks, int64_t records, int size) {
  char error[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  if (set(conf, "bootstrap.servers", bootstrap) || set(conf, "acks", acks) || set(conf, "linger.ms", "5") || set(conf, "batch.size", "1000000") ||
      set(conf, "queue.buffering.max.messages", "1000000") || set(conf, "queue.buffering.max.kbytes", "1048576")) return -1;
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (client == NULL) { fprintf(stderr, "%s\n", error); return -1; }
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, topic_name, NULL);
  char *value = malloc((size_t)size);
  for (int i = 0; i < size; i++) value[i] = (char)('a' + i % 26);
  failed = delivered = 0;
  double start = now();
  for (int64_t i = 0; i < records; i++) {
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, (size_t)size, NULL, 0, NULL) == -1) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) { fprintf(stderr, "%s\n", rd_kafka_err2str(rd_kafka_last_error())); return -1; }
      rd_kafka_poll(client, 10);
      if (now() - start > 300) { fprintf(stderr, "not produced after 300 s\n"); return -1; }
    }
    if ((i & 4095) == 0) rd_kafka_poll(client, 0);
  }
  rd_kafka_flush(client, 300000);
  double seconds = now() - start;
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(client);
  free(value);
  if (failed != 0 || delivered != records) { fprintf(stderr, "%lld delivered, %lld failed\n", (long long)delivered, (long long)failed); return -1; }
  return seconds;
}

double rdbench_consume(const char *bootstrap, const char *topic_name, int partitions, int64_t records) {
  char error[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  if (set(conf, "bootstrap.servers", bootstrap) || set(conf, "group.id", "rdbench") || set(conf, "enable.auto.commit", "false") ||
      set(conf, "fetch.message.max.bytes", "4000000") || set(conf, "queued.max.messages.kbytes", "262144") || set(conf, "queued.min.messages", "1000000")) return -1;
  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (client == NULL) { fprintf(stderr, "%s\n", error); return -1; }
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, topic_name, NULL);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
  for (int p = 0; p < partitions; p++)
    if (rd_kafka_consume_start_queue(topic, p, RD_KAFKA_OFFSET_BEGINNING, queue) == -1) { fprintf(stderr, "consume_start failed\n"); return -1; }
  static rd_kafka_message_t *batch[10000];
  double start = 0, began = now();
  int64_t seen = 0;
  while (seen < records && now() - began < 300) {
    ssize_t count = rd_kafka_consume_batch_queue(queue, 100, batch, 10000);
    for (ssize_t i = 0; i < count; i++) {
      if (batch[i]->err == 0) {
        if (seen++ == 0) start = now();
      }
      rd_kafka_message_destroy(batch[i]);
    }
  }
  double seconds = now() - start;
  for (int p = 0; p < partitions; p++) rd_kafka_consume_stop(topic, p);
  rd_kafka_queue_destroy(queue);
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(client);
  if (seen < records) { fprintf(stderr, "only %lld of %lld records\n", (long long)seen, (long long)records); return -1; }
  return seconds;
}

int rdbench_latency(const char *bootstrap, const char *topic_name, int64_t records, int size, double *microseconds) {
  char error[256];
  rd_kafka_conf_t *out = rd_kafka_conf_new(), *in = rd_kafka_conf_new();
  if (set(out, "bootstrap.servers", bootstrap) || set(out, "acks", "all") || set(out, "linger.ms", "0") || set(out, "socket.nagle.disable", "true") ||
      set(in, "bootstrap.servers", bootstrap) || set(in, "group.id", "rdbench") || set(in, "enable.auto.commit", "false") || set(in, "socket.nagle.disable", "true")) return -1;
  rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, out, error, sizeof error);
  rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, in, error, sizeof error);
  if (producer == NULL || consumer == NULL) { fprintf(stderr, "%s\n", error); return -1; }
  rd_kafka_topic_t *to = rd_kafka_topic_new(producer, topic_name, NULL), *from = rd_kafka_topic_new(consumer, topic_name, NULL);
  if (rd_kafka_consume_start(from, 0, RD_KAFKA_OFFSET_BEGINNING) == -1) { fprintf(stderr, "consume_start failed\n"); return -1; }
  char *value = calloc(1, (size_t)size);
  for (int64_t i = 0; i < records; i++) {
    memcpy(value, &i, sizeof i);
    double start = now();
    if (rd_kafka_produce(to, 0, RD_KAFKA_MSG_F_COPY, value, (size_t)size, NULL, 0, NULL) == -1) { fprintf(stderr, "%s\n", rd_kafka_err2str(rd_kafka_last_error())); return -1; }
    for (;;) {
      rd_kafka_message_t *message = rd_kafka_consume(from, 0, 10000);
      if (message == NULL) { fprintf(stderr, "record %lld did not come back within 10 s\n", (long long)i); return -1; }
      int mine = message->err == 0 && message->len == (size_t)size && memcmp(message->payload, value, sizeof i) == 0;
      rd_kafka_message_destroy(message);
      if (mine) break;
    }
    microseconds[i] = (now() - start) * 1e6;
    rd_kafka_poll(producer, 0);
  }
  rd_kafka_flush(producer, 10000);
  rd_kafka_consume_stop(from, 0);
  rd_kafka_topic_destroy(from);
  rd_kafka_topic_destroy(to);
  rd_kafka_destroy(consumer);
  rd_kafka_destroy(producer);
  free(value);
  return 0;
}
