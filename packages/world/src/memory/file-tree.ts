// Names in memory: folders hold files and folders by name. Only the rules of POSIX names are here; what a file holds is
// the owner's affair (F).

import { createDiskError } from '../disk-error.ts'

export class Folder<F extends object> {
  readonly children = new Map<string, F | Folder<F>>()
}

export interface Place<F extends object> {
  parent: Folder<F>
  name: string
}

export function pathParts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}

export class FileTree<F extends object> {
  readonly root: Folder<F>

  constructor(root: Folder<F> = new Folder<F>()) {
    this.root = root
  }

  find(path: string): F | Folder<F> | undefined {
    let node: F | Folder<F> | undefined = this.root
    for (const part of pathParts(path)) {
      if (node === undefined) return undefined
      if (!(node instanceof Folder)) return undefined
      node = node.children.get(part)
    }
    return node
  }

  get(path: string): F | Folder<F> {
    const node = this.find(path)
    if (node === undefined) throw createDiskError('ENOENT', 'no such file or directory', path)
    return node
  }

  file(path: string): F {
    const node = this.get(path)
    if (node instanceof Folder) throw createDiskError('EISDIR', 'it is a folder', path)
    return node
  }

  folder(path: string): Folder<F> {
    const node = this.get(path)
    if (!(node instanceof Folder)) throw createDiskError('ENOTDIR', 'not a folder', path)
    return node
  }

  /** Where `path` is or would be; its folder must exist. */
  place(path: string): Place<F> {
    const parts = pathParts(path)
    const name = parts.pop()
    if (name === undefined) throw createDiskError('EINVAL', 'the root has no name', path)
    return { parent: this.folder(parts.join('/')), name }
  }

  /** The folders to be made so that `path` is a folder, outermost first. */
  missingFolders(path: string): string[] {
    const missing: string[] = []
    let prefix = ''
    for (const part of pathParts(path)) {
      prefix = prefix === '' ? part : `${prefix}/${part}`
      const node = this.find(prefix)
      if (node === undefined) missing.push(prefix)
      else if (!(node instanceof Folder)) throw createDiskError('EEXIST', 'a file is in the way', path)
    }
    return missing
  }

  /** Checks a rename by POSIX rules; returns what moves and what it replaces. */
  checkRename(from: string, to: string): { moved: F | Folder<F>; replaced: F | Folder<F> | undefined } {
    const moved = this.get(from)
    const target = this.place(to)
    const replaced = target.parent.children.get(target.name)
    if (moved instanceof Folder) {
      const source = pathParts(from)
      if (source.every((part, index) => pathParts(to)[index] === part) && replaced !== moved) {
        throw createDiskError('EINVAL', `cannot be moved into itself from '${from}'`, to)
      }
      if (replaced instanceof Folder && replaced !== moved && replaced.children.size > 0)
        throw createDiskError('ENOTEMPTY', 'directory not empty', to)
      if (replaced !== undefined && !(replaced instanceof Folder)) throw createDiskError('ENOTDIR', 'not a folder', to)
    } else if (replaced instanceof Folder) {
      throw createDiskError('EISDIR', 'it is a folder', to)
    }
    return { moved, replaced: replaced === moved ? undefined : replaced }
  }
}

/** All files in and below `node`. */
export function* filesBelow<F extends object>(node: F | Folder<F>): Generator<F> {
  if (!(node instanceof Folder)) {
    yield node
    return
  }
  for (const child of node.children.values()) yield* filesBelow(child)
}
