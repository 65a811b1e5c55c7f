// Which APIs are served where. What is not in a table is not advertised, and a request for it closes the connection.
import type { BrokerContext } from './broker-context.ts'
import { type Handler, type HandlerTable, handlerTable } from './handler.ts'
import { produceHandler } from './handlers/00-produce.ts'
import { fetchHandler } from './handlers/01-fetch.ts'
import { listOffsetsHandler } from './handlers/02-list-offsets.ts'
import { metadataHandler } from './handlers/03-metadata.ts'
import { offsetCommitHandler } from './handlers/08-offset-commit.ts'
import { offsetFetchHandler } from './handlers/09-offset-fetch.ts'
import { findCoordinatorHandler } from './handlers/10-find-coordinator.ts'
import { joinGroupHandler } from './handlers/11-join-group.ts'
import { heartbeatHandler } from './handlers/12-heartbeat.ts'
import { leaveGroupHandler } from './handlers/13-leave-group.ts'
import { syncGroupHandler } from './handlers/14-sync-group.ts'
import { describeGroupsHandler } from './handlers/15-describe-groups.ts'
import { listGroupsHandler } from './handlers/16-list-groups.ts'
import { apiVersionsHandler } from './handlers/18-api-versions.ts'
import { deleteRecordsHandler } from './handlers/21-delete-records.ts'
import { initProducerIdHandler } from './handlers/22-init-producer-id.ts'
import { offsetForLeaderEpochHandler } from './handlers/23-offset-for-leader-epoch.ts'
import { deleteGroupsHandler } from './handlers/42-delete-groups.ts'
import { offsetDeleteHandler } from './handlers/47-offset-delete.ts'
import { describeClusterHandler, describeControllersHandler } from './handlers/60-describe-cluster.ts'
import { describeProducersHandler } from './handlers/61-describe-producers.ts'
import { describeTopicPartitionsHandler } from './handlers/75-describe-topic-partitions.ts'

export function brokerHandlers(): HandlerTable<BrokerContext> {
  return tableOf([
    produceHandler,
    fetchHandler,
    listOffsetsHandler,
    metadataHandler,
    offsetCommitHandler,
    offsetFetchHandler,
    findCoordinatorHandler,
    joinGroupHandler,
    heartbeatHandler,
    leaveGroupHandler,
    syncGroupHandler,
    describeGroupsHandler,
    listGroupsHandler,
    deleteRecordsHandler,
    initProducerIdHandler,
    offsetForLeaderEpochHandler,
    deleteGroupsHandler,
    offsetDeleteHandler,
    describeClusterHandler,
    describeProducersHandler,
    describeTopicPartitionsHandler
  ])
}

export function controllerHandlers(): HandlerTable<BrokerContext> {
  return tableOf([describeControllersHandler])
}

function tableOf(handlers: readonly Handler<BrokerContext>[]): HandlerTable<BrokerContext> {
  let table: HandlerTable<BrokerContext> = new Map()
  table = handlerTable([...handlers, apiVersionsHandler(() => table)].sort((a, b) => a.api.key - b.api.key))
  return table
}
