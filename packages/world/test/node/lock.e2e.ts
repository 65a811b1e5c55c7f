// The lock of a log directory against Java's FileChannel.tryLock, which is what Apache Kafka takes on `.lock`.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeDisk } from '@odradek/world/node'
import { codeIs } from '../disk-contract.ts'

const LOCKER = `import java.nio.channels.*; import java.nio.file.*; import static java.nio.file.StandardOpenOption.*;
public class Locker { public static void main(String[] args) throws Exception {
  FileLock lock = FileChannel.open(Path.of(args[0]), CREATE, READ, WRITE).tryLock();
  System.out.println(lock == null ? "refused" : "held"); System.out.flush();
  if (lock != null) System.in.read();
} }`

test('Odradek and Java exclude each other from a log directory', async (t) => {
  if (spawnSync('java', ['-version']).status !== 0) {
    if (process.env.CI === 'true') throw new Error('no java: it is needed to judge the lock')
    t.skip('no java in the path')
    return
  }
  const root = mkdtempSync(join(tmpdir(), 'odradek-lock-'))
  const source = join(root, 'Locker.java')
  writeFileSync(source, LOCKER)
  const children: ChildProcess[] = []
  const lockInJava = async (): Promise<{ answer: string; child: ChildProcess }> => {
    const child = spawn('java', [source, join(root, '.lock')], { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(child)
    const [answer] = await once(child.stdout, 'data')
    return { answer: String(answer).trim(), child }
  }
  try {
    const ours = await nodeDisk.lock(join(root, '.lock'))
    assert.equal((await lockInJava()).answer, 'refused')
    await ours.release()
    const java = await lockInJava()
    assert.equal(java.answer, 'held')
    await assert.rejects(nodeDisk.lock(join(root, '.lock')), codeIs('EBUSY'))
    java.child.kill('SIGKILL')
    await once(java.child, 'exit')
    await (await nodeDisk.lock(join(root, '.lock'))).release()
  } finally {
    for (const child of children) child.kill('SIGKILL')
    rmSync(root, { recursive: true, force: true })
  }
})
