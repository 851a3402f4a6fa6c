import { cpSync } from 'node:fs'

/** What the compiler leaves behind and the built package needs: the SQL of the migrations, and the version. */
cpSync('src/store/migrations', 'dist/src/store/migrations', { recursive: true })
cpSync('package.json', 'dist/package.json')
