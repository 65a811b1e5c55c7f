// The snapshots in the folder of the metadata log. One is written to a `.part` file, synced, and renamed: under its own
// name it is whole.
import type { Disk, DiskFile, FileStat } from '@odradek/world'
import { parseSnapshotFileName, type SnapshotId, snapshotFileName } from './snapshot-file.ts'

const PART_SUFFIX = '.part'
const DELETED_SUFFIX = '.deleted'

export class SnapshotStore {
  readonly #disk: Disk
  readonly #directory: string
  #ids: readonly SnapshotId[]

  private constructor(disk: Disk, directory: string, ids: readonly SnapshotId[]) {
    this.#disk = disk
    this.#directory = directory
    this.#ids = ids
  }

  /** Removes what was not finished, written or deleted. */
  static async open(disk: Disk, directory: string): Promise<SnapshotStore> {
    const ids: SnapshotId[] = []
    for (const name of await disk.readdir(directory)) {
      const id = parseSnapshotFileName(name)
      if (id !== undefined) ids.push(id)
      else if (name.endsWith(`.checkpoint${PART_SUFFIX}`) || name.endsWith(`.checkpoint${DELETED_SUFFIX}`))
        await disk.unlink(`${directory}/${name}`)
    }
    return new SnapshotStore(disk, directory, ids.sort(compareIds))
  }

  /** Ascending. */
  get ids(): readonly SnapshotId[] {
    return this.#ids
  }

  get latest(): SnapshotId | undefined {
    return this.#ids.at(-1)
  }

  path(id: SnapshotId): string {
    return `${this.#directory}/${snapshotFileName(id)}`
  }

  read(id: SnapshotId): Promise<Buffer> {
    return this.#disk.readFile(this.path(id))
  }

  stat(id: SnapshotId): Promise<FileStat> {
    return this.#disk.stat(this.path(id))
  }

  async create(id: SnapshotId): Promise<SnapshotWriter> {
    const path = this.path(id)
    await this.#disk.removeTree(`${path}${PART_SUFFIX}`)
    const file = await this.#disk.open(`${path}${PART_SUFFIX}`, 'exclusive')
    return new SnapshotWriter(file, async () => {
      await this.#disk.rename(`${path}${PART_SUFFIX}`, path)
      await this.#disk.syncDir(this.#directory)
      this.#ids = [...this.#ids.filter((other) => compareIds(other, id) !== 0), id].sort(compareIds)
    })
  }

  async delete(id: SnapshotId): Promise<void> {
    this.#ids = this.#ids.filter((other) => compareIds(other, id) !== 0)
    await this.#disk.unlink(this.path(id))
  }
}

export class SnapshotWriter {
  readonly #file: DiskFile
  readonly #publish: () => Promise<void>
  #position = 0

  constructor(file: DiskFile, publish: () => Promise<void>) {
    this.#file = file
    this.#publish = publish
  }

  async append(batch: Buffer): Promise<void> {
    await this.#file.write(this.#position, [batch])
    this.#position += batch.length
  }

  /** The snapshot is on disk under its name when it resolves. */
  async finish(): Promise<void> {
    await this.#file.sync()
    await this.#file.close()
    await this.#publish()
  }

  /** Leaves the `.part` file to the next start. */
  async abandon(): Promise<void> {
    await this.#file.close()
  }
}

function compareIds(a: SnapshotId, b: SnapshotId): number {
  return a.offset - b.offset || a.epoch - b.epoch
}
