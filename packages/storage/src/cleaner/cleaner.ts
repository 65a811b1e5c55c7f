import type { LogManager } from '../log-manager.ts'

export class Cleaner {
  private readonly manager: LogManager
  constructor(manager: LogManager) {
    this.manager = manager
  }

  async runOnce(): Promise<void> {
    void this.manager
  }

  stop(): void {}
}
