export const topicDocs: Readonly<Record<string, string>> = {}
