export { parseExact, toInt64 } from './goldens/exact-json.ts'
export { Goldens, goldensFolder, openGoldens, requireGoldens } from './goldens/goldens.ts'
export { readTar, type TarEntry, writeTree } from './goldens/tar.ts'
