export * from './codec.ts'
export * from './generated/codecs.ts'
