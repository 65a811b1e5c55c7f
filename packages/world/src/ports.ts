// The ports to the outside. Everything that a node learns of time, chance, disk and network, and everything that it
// does to them, passes here, so that the simulated world can stand in for the real one. One World a node.

/** Wall clock and monotonic clock, both in ms. */
export interface Clock {
  /** Wall clock, ms since the epoch, a whole number. May jump. */
  now(): number
  /** Never goes back; fractions of a ms allowed. For durations and deadlines. */
  monotonicMs(): number
}

export interface TimerHandle {
  /** After this the callback does not run. Calling it twice is fine. */
  cancel(): void
}

export interface Timers {
  /** Runs `callback` once after at least `delayMs` (≥ 0). */
  schedule(delayMs: number, callback: () => void): TimerHandle
  /** Runs `callback` when the current turn of the event loop and its promises are done. */
  defer(callback: () => void): void
}

export interface Random {
  /** `size` random bytes; cryptographically strong in the Node world. */
  bytes(size: number): Buffer
  /** A whole number in [0, bound). */
  below(bound: number): number
}

export interface FileStat {
  size: number
  isDirectory: boolean
  /** ms since the epoch */
  mtimeMs: number
}

/**
 * An open file. Operations of one file may be issued without waiting; their order is the caller's to keep (await one
 * before the next where it matters). A failed operation rejects with a {@link DiskError}.
 */
export interface DiskFile {
  readonly path: string
  /** Reads up to `length` bytes at `position` into `target` at `offset`; resolves to the bytes read, fewer only at the end of the file. */
  read(position: number, target: Buffer, offset: number, length: number): Promise<number>
  /** Writes all of `buffers` at `position`, one vectored write. Nothing is copied: the caller leaves the bytes alone until it resolves. */
  write(position: number, buffers: readonly Buffer[]): Promise<void>
  /** fdatasync: the bytes and the size survive a power loss once it resolves. Never retried after a failure. */
  sync(): Promise<void>
  truncate(size: number): Promise<void>
  stat(): Promise<FileStat>
  close(): Promise<void>
}

export type OpenMode =
  /** must exist; read only */
  | 'read'
  /** must exist; read and write */
  | 'write'
  /** made when absent; read and write */
  | 'create'
  /** must not exist; read and write */
  | 'exclusive'

/** Paths are plain strings joined by `/`; the caller has checked every part that came from outside. */
export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>
  readFile(path: string): Promise<Buffer>
  /**
   * Replaces a whole file so that a crash leaves the old or the new content: writes `path.tmp`, syncs it, renames it,
   * syncs the folder. With `sync: false` the two syncs are left out (content that recovery can rebuild). Calls for one
   * path take effect one after the other, in their order.
   */
  writeFileAtomic(path: string, data: Buffer, options?: { sync?: boolean }): Promise<void>
  /** Makes the folder and those above it that are missing. True when it was not there. */
  mkdir(path: string): Promise<boolean>
  /** Names in the folder, sorted. */
  readdir(path: string): Promise<string[]>
  stat(path: string): Promise<FileStat>
  exists(path: string): Promise<boolean>
  rename(from: string, to: string): Promise<void>
  /** Removes a file. */
  unlink(path: string): Promise<void>
  /** Removes a folder and all below it; no error when absent. */
  removeTree(path: string): Promise<void>
  /** Makes renames, creations and removals in the folder survive a power loss. */
  syncDir(path: string): Promise<void>
  /** Free and total bytes of the file system that holds `path`. */
  space(path: string): Promise<{ freeBytes: number; totalBytes: number }>
  /**
   * Takes the exclusive lock on the file `path` (`…/.lock`, made when absent, left empty). Rejects with code `EBUSY` while
   * another live node holds it, in this process or another one. Gone with its process. No one else opens the file.
   */
  lock(path: string): Promise<{ release(): Promise<void> }>
}

/** `code` is the errno name (`EIO`, `ENOSPC`, `ENOENT`, `EBUSY`, …). */
export interface DiskError extends Error {
  code: string
  path?: string
}

export interface SocketHandlers {
  /** Bytes arrived. With `target` they are only lent until this returns; without, the buffer is the handler's to keep. */
  onData(chunk: Buffer): void
  /**
   * Where the next bytes are best read into; undefined when there is no such place. A hint that a world may pass over, and
   * that may be asked for before another chunk of earlier bytes comes.
   */
  target?(): Buffer | undefined
  /** All bytes given to `write` so far have been handed to the kernel after `write` had answered false. */
  onDrain(): void
  /** The socket is gone, once, whatever the reason; no other handler runs afterwards. */
  onClose(error?: Error): void
  /**
   * The peer finished sending, and may still read. `true` from the owner of an accepted socket: it ends the socket itself when it
   * has said all. Otherwise it is ended now.
   */
  onEnd(): unknown
}

export interface Socket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** Bytes written and not yet handed to the kernel. */
  readonly bufferedBytes: number
  /** Set by the owner in the turn of accept or connect, and again when another owner takes over. No byte is lost before. */
  setHandlers(handlers: SocketHandlers): void
  /**
   * Queues `buffers` as one vectored write, without a copy; they are never written to again. False when more than the
   * high-water mark is buffered: wait for onDrain. False too when the socket is gone (onClose tells).
   */
  write(buffers: readonly Buffer[]): boolean
  /** Stops and restarts reading: backpressure on the peer. */
  pause(): void
  resume(): void
  /** Sends what is queued, then FIN. */
  end(): void
  /** Gone at once, with what is queued; onClose follows in a later turn. */
  destroy(error?: Error): void
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** Accepts no more; open sockets live on. */
  close(): Promise<void>
}

/** A client's side of TLS, in the words of node:tls. */
export interface TlsOptions {
  /** PEM. Default: the certificates that the runtime trusts. */
  readonly ca?: readonly (string | Buffer)[]
  /** PEM: the certificate of this side with its chain. */
  readonly cert?: string | Buffer
  /** PEM, encrypted when there is a passphrase. */
  readonly key?: string | Buffer
  readonly passphrase?: string
  /** In the form of OpenSSL; separated by colons. */
  readonly ciphers?: string
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** The name that is asked for and that the certificate must have. Default: the host. */
  readonly servername?: string
  /** False: the certificate may be for any name. Default true. */
  readonly checksHostName?: boolean
  /** False: any certificate will do. Default true. */
  readonly rejectUnauthorized?: boolean
}

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  /** Of the connection with its TLS handshake. */
  readonly timeoutMs?: number
  readonly tls?: TlsOptions
}

export interface HttpRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly tls?: TlsOptions
  /** Of the whole exchange. */
  readonly timeoutMs: number
  /** A longer answer fails. */
  readonly bodyBytesMax: number
}

export interface HttpResponse {
  readonly status: number
  readonly body: Buffer
}

export interface Network {
  /** `host` '' is every interface, `port` 0 picks a free one. Rejects with code `EADDRINUSE` and the like. */
  listen(options: { host: string; port: number; backlog?: number }, onConnection: (socket: Socket) => void): Promise<Listener>
  /**
   * Rejects with a code (`ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND`, …); with one that {@link isTlsError} knows when the two sides do not
   * agree on TLS or the certificate is not one to trust. A socket may close with such an error as well.
   */
  connect(options: ConnectOptions): Promise<Socket>
  /** The names that the addresses of `host` have; an address without a name stands for itself. Rejects with `ENOTFOUND`. */
  canonicalNames(host: string): Promise<readonly string[]>
  /** One exchange over HTTP or HTTPS; redirections are answers like others. Rejects as `connect` does. */
  request(request: HttpRequest): Promise<HttpResponse>
}

export type LogLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL'

/** `logger` names follow Kafka's classes (`kafka.server.KafkaServer`), so that known log filters work. */
export interface Logger {
  log(level: LogLevel, logger: string, message: string, error?: unknown): void
  isEnabled(level: LogLevel, logger: string): boolean
}

export interface World {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly disk: Disk
  readonly network: Network
  readonly logger: Logger
  /** A bug or a failure after which going on would be a lie: stops the node. The caller returns at once and does no more work. */
  halt(reason: string, error?: unknown): void
}
