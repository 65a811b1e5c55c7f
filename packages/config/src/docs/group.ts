export const groupDocs: Readonly<Record<string, string>> = {}
export const clientMetricsDocs: Readonly<Record<string, string>> = {}
export const quotaDocs: Readonly<Record<string, string>> = {}
