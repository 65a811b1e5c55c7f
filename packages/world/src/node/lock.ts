// The lock of a log directory. Apache Kafka holds an fcntl lock over the whole of the empty file `.lock`, and so do we,
// so that Apache Kafka and Odradek exclude each other too. Node has no call for it, but SQLite takes the same kind of
// lock (LockFileEx on Windows) on a database, and an empty file is an empty database: an exclusive transaction that
// never writes is the lock. The kernel drops it with the process, also after kill -9. SQLite knows the locks of its own
// process, so two nodes in one process exclude each other as well.
// Never open and close the lock file by other means while it is held: closing any descriptor drops an fcntl lock.

import { truncate } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { createDiskError } from '../disk-error.ts'

const SQLITE_BUSY = 5
const SQLITE_NOTADB = 26

export async function lockFile(path: string): Promise<{ release(): Promise<void> }> {
  let database = tryLock(path)
  if (database === 'foreign') {
    // Somebody left text in it. Nobody holds it (that would have been EBUSY), and its content means nothing.
    await truncate(path, 0)
    database = tryLock(path)
  }
  if (database === 'foreign') throw createDiskError('EIO', 'the lock file keeps changing', path)
  const held = database
  return {
    async release() {
      if (held.isOpen) held.close()
    }
  }
}

function tryLock(path: string): DatabaseSync | 'foreign' {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    // The journal stays in memory: nothing is ever written beside the lock file, nor into it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    const code = (error as { errcode?: number }).errcode
    if (code === SQLITE_NOTADB) return 'foreign'
    if (code === SQLITE_BUSY) throw createDiskError('EBUSY', 'another live process holds the lock', path, error)
    throw createDiskError('EACCES', `the lock cannot be taken (${(error as Error).message})`, path, error)
  }
}
