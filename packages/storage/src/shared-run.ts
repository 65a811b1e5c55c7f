// Work that serves many who ask at once: who asks while it is under way shares the next run, which sees what they did before.

export class SharedRun {
  private readonly work: () => Promise<void>
  private current: Promise<void> | undefined
  private next: Promise<void> | undefined

  constructor(work: () => Promise<void>) {
    this.work = work
  }

  run(): Promise<void> {
    this.next ??= (this.current ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        this.current = this.next
        this.next = undefined
        return this.work()
      })
    return this.next
  }
}
