import type { RecordBatch } from './record-batch.ts'
import type { KafkaRecord } from './types.ts'
import { invalid } from './types.ts'

export function decodeLegacyRecords(_batch: RecordBatch, _outputBytesMax: number): KafkaRecord[] {
  throw invalid('not yet')
}
