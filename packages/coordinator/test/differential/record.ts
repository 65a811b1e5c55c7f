// Records what a broker answers to the scripts: node record.ts HOST:PORT > ../fixtures/classic-groups.apache.json
// The broker is a fresh Apache Kafka with the settings of play-all.ts.
import { playAll } from './play-all.ts'

const [host, port] = (process.argv[2] ?? '').split(':')
console.log(JSON.stringify(await playAll(host, Number(port)), null, 1))
