import type { OutputBuffer } from './output-buffer.ts'

export interface PrintableRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly timestampType: string
  readonly rawKey: Buffer | null
  readonly rawValue: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[]
  /** Of share groups. */
  readonly deliveryCount?: number
}

/** Prints one record. Throws for bytes that are not what the formatter reads. */
export type Formatter = (record: PrintableRecord, output: OutputBuffer) => void
