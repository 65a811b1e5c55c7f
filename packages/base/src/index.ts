export * from './assert.ts'
export * from './crc32c.ts'
export * from './errors.ts'
export * from './uuid.ts'
