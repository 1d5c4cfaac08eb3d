/** Every command with its summary. Its file is loaded when it runs, so that migrate does not load the service. */
import type { Command } from './command.js'

export interface CommandEntry {
  summary: string
  load(): Promise<Command>
}

export interface CommandGroup {
  summary: string
  verbs: Readonly<Record<string, CommandEntry>>
}

export const commands: Readonly<Record<string, CommandEntry | CommandGroup>> = {
  serve: {
    summary: 'run the HTTP service; without DATABASE_URL, on an embedded PostgreSQL with sample data',
    load: async () => (await import('./serve.js')).serve,
  },
  migrate: {
    summary: 'create, inspect or remove the view attempt and its indexes',
    verbs: {
      up: {
        summary: 'apply the pending migrations and build the indexes',
        load: async () => (await import('./migrate/up.js')).up,
      },
      down: {
        summary: 'revert the last migration and drop the indexes',
        load: async () => (await import('./migrate/down.js')).down,
      },
      status: {
        summary: 'list applied, pending, edited and unknown migrations',
        load: async () => (await import('./migrate/status.js')).status,
      },
      plan: {
        summary: 'print the SQL that migrate up would run; changes nothing',
        load: async () => (await import('./migrate/plan.js')).plan,
      },
    },
  },
  contract: {
    summary: 'check the deployed view against the contract, or export the contract',
    verbs: {
      verify: {
        summary: 'check the deployed view against the contract',
        load: async () => (await import('./contract/verify.js')).verify,
      },
      export: {
        summary: 'print the contract as an Open Data Contract Standard 3.1.0 document',
        load: async () => (await import('./contract/export.js')).exportContract,
      },
    },
  },
  store: {
    summary: 'manage the store, a maintained copy of the view',
    verbs: {
      enable: {
        summary: 'create the store and the queue that feeds it',
        load: async () => (await import('./store/enable.js')).enable,
      },
      upgrade: {
        summary: 'apply the pending migrations of an existing store',
        load: async () => (await import('./store/upgrade.js')).upgrade,
      },
      disable: {
        summary: 'remove the store, the queue and its triggers',
        load: async () => (await import('./store/disable.js')).disable,
      },
      status: {
        summary: 'report state, lag, queue and triggers of the store',
        load: async () => (await import('./store/status.js')).status,
      },
      rebuild: {
        summary: 'empty the store and fill it again from the view',
        load: async () => (await import('./store/rebuild.js')).rebuild,
      },
      retry: {
        summary: 'retry exams that could not be taken into the store',
        load: async () => (await import('./store/retry.js')).retry,
      },
      verify: {
        summary: 'compare the store with the view',
        load: async () => (await import('./store/verify.js')).verify,
      },
      refresh: {
        summary: 'run the refresher, which keeps the store in step with exam_results',
        load: async () => (await import('./store/refresh.js')).refresh,
      },
    },
  },
  key: {
    summary: 'create an API key, or check a file of keys',
    verbs: {
      create: {
        summary: 'create an API key and its entry for API_KEYS_FILE',
        load: async () => (await import('./key/create.js')).create,
      },
      check: {
        summary: 'validate a file of API keys and list them',
        load: async () => (await import('./key/check.js')).check,
      },
    },
  },
  load: {
    summary: 'load exam results from a file into an embedded or test database',
    load: async () => (await import('./load.js')).load,
  },
  generate: {
    summary: 'print a synthetic cohort with known item parameters as NDJSON',
    load: async () => (await import('./generate.js')).generate,
  },
}
