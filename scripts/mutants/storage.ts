// Planted bugs of packages/storage.
import type { Mutant } from './mutant.ts'

const SRC = 'packages/storage/src'
const TEST = 'packages/storage/test'

function mutant(name: string, breaks: string, file: string, edits: Mutant['edits'], tests: readonly string[]): Mutant {
  return { name, breaks, file: `${SRC}/${file}`, edits, tests: tests.map((test) => `${TEST}/${test}`) }
}

const append: Mutant[] = [
  mutant(
    'acknowledge before the sync',
    'D2',
    'partition-log.ts',
    [["return this.config.durability === 'sync' || this.config.flushMessages <= 1", 'return false']],
    ['append.test.ts']
  ),
  mutant(
    'acknowledge what is appended, not written',
    'D1',
    'partition-log.ts',
    [
      [
        '    this.writer.enqueue(segment, position, bytes, this.logEndOffset)\n',
        '    this.writer.enqueue(segment, position, bytes, this.logEndOffset)\n    if (!this.acksAfterSync) this.announce(this.logEndOffset)\n'
      ]
    ],
    ['append.test.ts', 'crash.sim.ts', 'disk-faults.sim.ts']
  ),
  mutant(
    'read what is not written yet',
    'R1',
    'log-reader.ts',
    [
      [
        'Math.min(options.endOffset ?? log.writtenOffset, log.writtenOffset)',
        'Math.min(options.endOffset ?? log.logEndOffset, log.logEndOffset)'
      ]
    ],
    ['read.test.ts']
  ),
  mutant(
    'the last stable offset is the high watermark',
    'R1',
    'partition-log.ts',
    [
      [
        'if (unstable === undefined || unstable >= this.highWatermark) return this.highWatermark',
        'if (unstable !== -2) return this.highWatermark'
      ]
    ],
    ['append.test.ts']
  ),
  mutant(
    'the last stable offset passes markers above the high watermark',
    'R1',
    'producer-state.ts',
    [['if (this.unreplicated.length === 0) return open', 'if (this.unreplicated.length >= 0) return open']],
    ['append.test.ts']
  ),
  mutant(
    'repeats are appended again',
    'P1',
    'producer-state.ts',
    [
      [
        'if (entry === undefined || entry.producerEpoch !== batch.producerEpoch) return undefined\n    const { lastSequence',
        'if (entry !== null) return undefined\n    const { lastSequence'
      ]
    ],
    ['append.test.ts', 'producer-state.test.ts']
  ),
  mutant(
    'gaps in sequences are taken',
    'P1',
    'producer-state.ts',
    [['if (baseSequence === last + 1 ||', 'if (baseSequence > last ||']],
    ['producer-state.test.ts']
  ),
  mutant(
    'old producer epochs write on',
    'T2',
    'producer-state.ts',
    [['if (producerEpoch < currentEpoch) return staleEpoch(producerId, producerEpoch, currentEpoch)', '']],
    ['producer-state.test.ts', 'append.test.ts']
  ),
  mutant(
    'markers of old coordinators count',
    'T2',
    'producer-state.ts',
    [['if (entry.coordinatorEpoch > coordinatorEpoch) {', 'if (coordinatorEpoch < -1) {']],
    ['append.test.ts']
  ),
  mutant(
    'producers with an open transaction expire',
    'T4',
    'producer-state.ts',
    [['if (entry.currentTxnFirstOffset < 0 && now -', 'if (now -']],
    ['producer-state.test.ts']
  ),
  mutant(
    'a full index does not begin a segment',
    'L1',
    'roll-policy.ts',
    [['segment.isIndexFull(config.segmentIndexBytes)', 'false']],
    ['append.test.ts']
  ),
  mutant(
    'offsets beyond 32 bits stay in a segment',
    'D1',
    'roll-policy.ts',
    [['return lastOffset - segment.baseOffset > INT32_MAX', 'return lastOffset < 0']],
    ['append.test.ts']
  ),
  mutant(
    'a slab is filled while a reader has it',
    'O1',
    'tail-cache.ts',
    [['slab.isUnsure || slab.borrowers > 0 ||', 'slab.isUnsure ||']],
    ['tail-cache.test.ts']
  ),
  mutant(
    'a slab is filled while it is being written',
    'O1',
    'tail-cache.ts',
    [['!slab.isEvicted || slab.isUnsure ||', '!slab.isEvicted ||']],
    ['tail-cache.test.ts']
  ),
  mutant('a buffer of a read goes back twice', 'O1', 'log-reader.ts', [['if (isReleased) return\n', '']], ['read.test.ts']),
  mutant(
    'damaged lengths are followed',
    'X2',
    'log-reader.ts',
    [['if (size < WALK_BYTES || whole + size > bytes.length) break', 'if (size > 12 && whole + size > bytes.length) break']],
    ['read.test.ts']
  ),
  mutant(
    'an index pushed out of its cache is read as found',
    'X2',
    'segment-files.ts',
    [
      ['while (segment.offsets.needsLoad || segment.times.needsLoad)', 'while (segment.isRemoved)'],
      [
        'if (segment.isIndexLoaded && !segment.offsets.needsLoad && !segment.times.needsLoad) return Promise.resolve()',
        'if (segment.isIndexLoaded) return Promise.resolve()'
      ]
    ],
    ['read.test.ts']
  )
]

const recovery: Mutant[] = [
  mutant('recovery checks no CRC', 'L1', 'segment-recovery.ts', [['checkCrc: true }', 'checkCrc: false }']], ['crash.sim.ts']),
  mutant(
    'recovery checks no offsets',
    'O2',
    'segment-recovery.ts',
    [['if (baseOffset < nextOffset || lastOffset < baseOffset ||', 'if (']],
    ['crash.sim.ts', 'log-manager.test.ts', 'log-dirs.golden.test.ts']
  ),
  mutant(
    'what recovery cuts is not synced',
    'L1',
    'segment-recovery.ts',
    [['    await segment.file.sync()\n', '']],
    ['crash.sim.ts', 'power-loss.sim.ts']
  ),
  mutant(
    'a hole between segments is not seen',
    'O2',
    'segment-recovery.ts',
    [['if (problem === undefined && !isShort) continue', 'if (problem === undefined) continue']],
    ['crash.sim.ts']
  ),
  mutant(
    'segments after a damaged one stay',
    'O2',
    'segment-recovery.ts',
    [['    await dropSegments(home, i + 1)\n', '']],
    ['crash.sim.ts']
  ),
  mutant(
    'snapshots of what is gone are believed',
    'P1',
    'segment-recovery.ts',
    [['  await dropSnapshotsAfter(home, home.segments[first].baseOffset)\n', '']],
    ['log-manager.test.ts']
  ),
  mutant(
    'bytes of a failed sync are not written again',
    'D2',
    'segment-recovery.ts',
    [['if (home.mustRewrite) await rewrite(', 'if (home.mustRewrite && validBytes < 0) await rewrite(']],
    ['../../metadata/test/crash.sim.ts']
  ),
  mutant(
    'recovery begins one segment late',
    'L1',
    'log-loader.ts',
    [
      [
        'Math.max(this.segmentIndexFor(options.recoveryPoint), 0)',
        'Math.min(this.segmentIndexFor(options.recoveryPoint) + 1, segments.length - 1)'
      ]
    ],
    ['crash.sim.ts']
  ),
  mutant(
    'producers are not replayed',
    'P1',
    'producer-rebuild.ts',
    [['  await replayProducers(home, producers.mapEndOffset, offset)\n', '']],
    ['append.test.ts', 'truncate.test.ts', 'crash.sim.ts']
  ),
  mutant(
    'the recovery point passes what is not synced',
    'D2',
    'log-flush.ts',
    [['  await synced(log, segment.file.sync())\n', '']],
    ['crash.sim.ts', 'disk-faults.sim.ts']
  ),
  mutant(
    'the folder of a new log is not synced',
    'D2',
    'log-flush.ts',
    [['const isFolderNew = !log.isFolderSynced', 'const isFolderNew = false']],
    ['power-loss.sim.ts']
  ),
  mutant(
    'names of new segments are not synced',
    'D2',
    'log-flush.ts',
    [['if (isFolderNew || segments.some((segment) => !segment.isNameSynced)) {', 'if (isFolderNew) {']],
    ['crash.sim.ts', 'power-loss.sim.ts']
  ),
  mutant(
    'index files of sealed segments are not synced',
    'R1',
    'log-flush.ts',
    [
      [
        'await segment.saveIndexes(disk, log.path, { sync: true })\n    await syncSegment',
        'await segment.saveIndexes(disk, log.path, { sync: false })\n    await syncSegment'
      ]
    ],
    ['power-loss.sim.ts']
  ),
  mutant(
    'a segment sealed after its sync never gets index files',
    'R1',
    'log-flush.ts',
    [['while (first > 0 && !isFinished(log.segments[first - 1])) first--\n', '']],
    ['power-loss.sim.ts']
  ),
  mutant(
    'a failed sync is no failure',
    'D2',
    'log-flush.ts',
    [
      ['log.directory.fail(error, `sync', 'Array.of(error, `sync'],
      ['    throw error\n  }\n}\n\n/** The last steps', '  }\n}\n\n/** The last steps']
    ],
    ['disk-faults.sim.ts']
  ),
  mutant(
    'damaged indexes are taken',
    'R2',
    'offset-index.ts',
    [['if (nextOffset <= offset || nextOffset < 0 || nextPosition <= position || nextPosition >= logSize) return false', '']],
    ['indexes.test.ts', 'log-manager.test.ts']
  ),
  mutant(
    'damaged producer snapshots are taken',
    'P1',
    'producer-snapshot.ts',
    [['  if (bytes.readUInt32BE(CRC_AT) !== crc32c(bytes, COUNT_AT) >>> 0) return undefined\n', '']],
    ['producer-state.test.ts']
  ),
  mutant(
    'the mark of a clean stop stays',
    'D1',
    'directory-files.ts',
    [['  await disk.unlink(path)\n  await disk.syncDir(directory)\n', '']],
    ['log-manager.test.ts']
  ),
  mutant(
    'a copy is begun where a gone topic was',
    'O1',
    'log-moves.ts',
    [['if (topicId === undefined || topicId !== log.topicId) await', 'if (topicId === undefined) await']],
    ['log-move.test.ts']
  ),
  mutant(
    'checkpoints of a deleted log count for the next of its name',
    'D1',
    'log-directory.ts',
    [['this.departed.set(name, new Set(CHECKPOINTS))', 'this.departed.delete(name)']],
    ['power-loss.sim.ts']
  )
]

const maintenance: Mutant[] = [
  mutant(
    'retention passes the high watermark',
    'D1',
    'retention.ts',
    [['return log.highWatermark >= log.segmentEnd(index) && !isEmptyLast', 'return !isEmptyLast']],
    ['retention.test.ts']
  ),
  mutant(
    'retention deletes what came after it looked',
    'D1',
    'retention.ts',
    [
      [
        '  let count = 0\n  await log.runTask',
        '  let count = countNow()\n  await new Promise((resolve) => setImmediate(resolve))\n  await log.runTask'
      ],
      ['    count = countNow()\n', '']
    ],
    ['races.sim.ts', 'retention.test.ts']
  ),
  mutant(
    'a log of which all has expired forgets its offset',
    'O1',
    'retention.ts',
    [['    await keepEnd(log, log.segments[count])\n', '']],
    ['retention.test.ts']
  ),
  mutant(
    'DeleteRecords is forgotten',
    'D3',
    'directory-files.ts',
    [['log.logStartOffset > log.segments[0].baseOffset)', 'log.logStartOffset < 0)']],
    ['retention.test.ts']
  ),
  mutant(
    'a cut forgets what was not written',
    'L4',
    'log-truncate.ts',
    [
      ['  await log.writer.whenWritten(Math.min(wanted, log.logEndOffset)).catch(() => undefined)\n', ''],
      ['const offset = Math.min(wanted, log.writtenOffset)', 'const offset = wanted']
    ],
    ['truncate.test.ts']
  ),
  mutant(
    'a cut is not synced',
    'L1',
    'log-truncate.ts',
    [
      ['  await segment.file.sync()\n', ''],
      [
        '  await log.node.world.disk.syncDir(log.path)\n  log.writer.restart(offset)\n}\n\nexport async function truncateFully',
        '  log.writer.restart(offset)\n}\n\nexport async function truncateFully'
      ]
    ],
    ['power-loss.sim.ts', 'crash.sim.ts']
  ),
  mutant(
    'epochs outlive a cut',
    'L4',
    'epoch-cache.ts',
    [['while (list.length > 0 && list[list.length - 1].startOffset >= offset) list.pop()', 'while (list.length < 0) list.pop()']],
    ['epoch-cache.test.ts', 'truncate.test.ts']
  ),
  mutant(
    'the end of an epoch is the end of the log',
    'L4',
    'epoch-cache.ts',
    [['endOffset: list[higher].startOffset }', 'endOffset: logEndOffset }']],
    ['epoch-cache.test.ts']
  ),
  mutant('producers outlive a cut', 'P1', 'log-truncate.ts', [['  await loadProducers(log, offset)\n', '']], ['truncate.test.ts']),
  mutant(
    'a write that failed leaves its part',
    'L1',
    'partition-log.ts',
    [
      [
        "if (this.status !== 'truncating') this.cut(() => truncateLog(this, this.writtenOffset)).catch(() => undefined)",
        'this.writer.restart(this.writtenOffset)'
      ]
    ],
    ['disk-faults.sim.ts']
  ),
  mutant(
    'logs of a failed directory go on',
    'D1',
    'log-directory.ts',
    [['    for (const log of this.logs) log.onDirectoryFailed(error)\n', '']],
    ['disk-faults.sim.ts']
  ),
  mutant(
    'a full disk takes the directory offline',
    'X2',
    'log-directory.ts',
    [['if (isDiskFull(error)) this.setReadOnly()', 'if (error === null) this.setReadOnly()']],
    ['disk-faults.sim.ts']
  ),
  mutant(
    'a move is done before the copy is written',
    'D1',
    'log-move.ts',
    [
      ['    await future.writer.whenWritten(future.logEndOffset)\n    await future.flush()\n', ''],
      ['future.writtenOffset < log.writtenOffset || ', '']
    ],
    ['every-crash.sim.ts', 'log-move.sim.ts']
  ),
  mutant(
    'a move is done before the copy is on disk',
    'D1',
    'log-move.ts',
    [
      ['    await future.flush()\n    if (!this', '    if (!this'],
      ['    await future.flush()\n    await future.whenIdle()', '    await future.whenIdle()']
    ],
    ['every-crash.sim.ts']
  ),
  mutant(
    'the cleaner drops the last value',
    'O3',
    'cleaner/batch-filter.ts',
    [['if (offset < context.keys.get(', 'if (offset <= context.keys.get(']],
    ['cleaner.test.ts']
  ),
  mutant(
    'tombstones go at once',
    'O3',
    'cleaner/batch-filter.ts',
    [
      [
        'return reader.valueLength >= 0 || batch.deleteHorizonMs === undefined || context.now < batch.deleteHorizonMs',
        'return reader.valueLength >= 0'
      ]
    ],
    ['cleaner.test.ts']
  ),
  mutant(
    'tombstones never go',
    'O3',
    'cleaner/batch-filter.ts',
    [['return reader.valueLength >= 0 || batch.deleteHorizonMs === undefined || context.now < batch.deleteHorizonMs', 'return true']],
    ['cleaner.test.ts']
  ),
  mutant(
    'the cleaner forgets sequences',
    'P1',
    'cleaner/batch-filter.ts',
    [['const keepsHeader = isLastOfProducer(batch, context.lastRecords) ||', 'const keepsHeader =']],
    ['cleaner.test.ts']
  ),
  mutant(
    'the cleaner loses the end of its range',
    'O2',
    'cleaner/batch-filter.ts',
    [[' || batch.nextOffset === context.endOffset', '']],
    ['cleaner.test.ts', 'cleaner.sim.ts', 'cleaner.golden.test.ts']
  ),
  mutant(
    'aborted records become values',
    'R1',
    'cleaner/cleaned-transactions.ts',
    [['      aborted.wasSeen = true\n      return true\n', '      aborted.wasSeen = true\n      return false\n']],
    ['cleaner.test.ts', 'cleaner.sim.ts']
  ),
  mutant(
    'abort markers go before their records',
    'R1',
    'cleaner/cleaned-transactions.ts',
    [
      [
        'if (aborted === undefined || !aborted.wasSeen) return true',
        'if (aborted === undefined || !aborted.wasSeen || aborted.wasSeen) return true'
      ]
    ],
    ['cleaner.test.ts', 'cleaner.sim.ts']
  ),
  mutant(
    'the cleaner passes the last stable offset',
    'O3',
    'cleaner/cleanable.ts',
    [['Math.min(log.lastStableOffset, log.activeSegment.baseOffset)', 'log.activeSegment.baseOffset']],
    ['cleaner.test.ts', 'cleaner.sim.ts']
  ),
  mutant(
    'the cleaner hides damage under a new CRC',
    'L1',
    'cleaner/clean-log.ts',
    [['if (!batch.isValid()) throw', 'if (batch.count < 0) throw']],
    ['cleaner.test.ts']
  ),
  mutant(
    'a swap takes the place of what has changed',
    'O3',
    'cleaner/segment-swap.ts',
    [
      [
        'const isThere = index >= 0 && old.every((segment, i) => log.segments[index + i] === segment)',
        'const isThere = index >= 0 || old.length > 0'
      ]
    ],
    ['races.sim.ts']
  ),
  mutant(
    'an interrupted swap is forgotten',
    'O3',
    'log-loader.ts',
    [
      [
        'if (swaps.length > 0) await this.finishSwap(names, swaps)',
        "for (const name of swaps) await disk.unlink([this.path, name].join('/'))"
      ]
    ],
    ['cleaner.sim.ts']
  ),
  mutant(
    'a cleaned segment is not synced before it counts',
    'D2',
    'cleaner/clean-log.ts',
    [['    await file.sync()\n', '']],
    ['cleaner.sim.ts']
  ),
  mutant(
    'a segment of a compacted log begins before the last is on disk',
    'D2',
    'partition-log.ts',
    [['if (!this.config.isCompact || previous', 'if (this.config.isCompact || previous']],
    ['power-loss.sim.ts']
  )
]

const directories: Mutant[] = [
  mutant('a log is cleaned while it moves', 'O3', 'cleaner/cleaner.ts', [[' && !this.manager.isMoving(log)', '']], ['log-move.test.ts']),
  mutant(
    'a metadata directory of its own is not locked',
    'K1',
    'log-manager.ts',
    [['    this.metadataLock = await this.lockDirectory(directory)\n', '    await this.node.world.disk.mkdir(path)\n']],
    ['log-manager.test.ts']
  ),
  mutant(
    'a disk too full for a new log is taken for broken',
    'X2',
    'log-manager.ts',
    [['directory.failUnlessFull(error, `creating', 'directory.fail(error, `creating']],
    ['disk-faults.sim.ts']
  ),
  mutant(
    'a job that finds its log deleted takes the directory offline',
    'X2',
    'log-scheduler.ts',
    [['if (!log.isClosed && generation === log.generation) throw error', 'throw error']],
    ['races.sim.ts']
  ),
  mutant(
    'one unreadable directory stops the node',
    'X2',
    'log-manager.ts',
    [['if (error instanceof OdradekError) throw error\n        opened.directory.fail(error, what)', 'throw error']],
    ['disk-faults.sim.ts']
  )
]

export const storageMutants: readonly Mutant[] = [...append, ...recovery, ...maintenance, ...directories]
