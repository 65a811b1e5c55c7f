import { monitorEventLoopDelay } from 'node:perf_hooks'

const NANOS_PER_SECOND = 1e9

/**
 * Measures this process from now on; each call of what it returns tells how it stands, under the names that exporters of Node
 * processes use. The delay of the event loop is that since the call before.
 */
export function createRuntimeMetrics(): () => Record<string, number> {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  return () => {
    const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const seconds = (nanos: number): number => (Number.isFinite(nanos) ? nanos / NANOS_PER_SECOND : 0)
    const metrics = {
      process_cpu_user_seconds_total: user / 1e6,
      process_cpu_system_seconds_total: system / 1e6,
      process_resident_memory_bytes: rss,
      nodejs_heap_size_total_bytes: heapTotal,
      nodejs_heap_size_used_bytes: heapUsed,
      nodejs_external_memory_bytes: external,
      nodejs_array_buffers_bytes: arrayBuffers,
      nodejs_eventloop_lag_mean_seconds: seconds(delay.mean),
      nodejs_eventloop_lag_p50_seconds: seconds(delay.percentile(50)),
      nodejs_eventloop_lag_p99_seconds: seconds(delay.percentile(99)),
      nodejs_eventloop_lag_max_seconds: seconds(delay.max)
    }
    delay.reset()
    return metrics
  }
}
