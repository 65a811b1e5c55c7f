export * from './disk-error.ts'
export * from './ports.ts'
export * from './tls-error.ts'
