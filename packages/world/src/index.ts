export * from './disk-error.ts'
export * from './ports.ts'
