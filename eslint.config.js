// What the compiler does not see: types that lie, promises that nobody waits for, names that nobody
// uses. Formatting is Biome's; layers, sizes and the like are the tidy test's (test/tidy/).

import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration, ExportSpecifier[exported.name="default"]',
  message: 'Export by name: a thing then has one name everywhere.',
}

export default defineConfig(
  // AssemblyScript looks like TypeScript and is not; the golden files are bytes.
  { ignores: ['**/*.js', 'src/chunker/kernel/', 'test/golden/*/', 'bench/work/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' } },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT],
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      // What an interface hands over and a function has no use for is named `_x`.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Numbers and booleans in a message read as they are.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `text += TABLE[i]` with a bounded index is clear.
      '@typescript-eslint/restrict-plus-operands': [
        'error',
        { allowNumberAndString: false, skipCompoundAssignments: true },
      ],
      // `while (true)` around a read loop is clear.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // Indexed access gives `T | undefined`. Where the bound is in the reader's sight, `as T` says
      // so at no cost; this rule would turn it into `!`, which strict forbids.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
    },
  },
  {
    // These tools want their configuration as a default export.
    files: ['*.config.ts', 'test/reporter.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
)
