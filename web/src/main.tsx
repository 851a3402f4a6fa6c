import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './style.css'
import { createTheme, MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot } from 'react-dom/client'
import { ApiError } from './api.ts'
import { App } from './app.tsx'
import { prepareLanguage } from './i18n/index.tsx'

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
// What locks the page behind a dialog asks for the nonce under this name.
Object.assign(globalThis, { __webpack_nonce__: nonce })
const theme = createTheme({
  respectReducedMotion: true,
  primaryColor: 'blue',
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  defaultRadius: 'md',
  fontFamily: 'Inter, "Segoe UI", system-ui, -apple-system, Roboto, "Helvetica Neue", Arial, sans-serif',
  headings: { fontWeight: '650' },
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } } },
    Modal: { defaultProps: { overlayProps: { backgroundOpacity: 0.45 } } },
  },
})

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      // A list stays while its next page loads; one thing is never shown in the place of another.
      placeholderData: (before: unknown, query?: { queryKey: readonly unknown[] }) => (query === undefined || query.queryKey[0] === 'tasks' || query.queryKey[1] === 'user' || query.queryKey[1] === 'why' ? undefined : before),
      retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 2,
    },
  },
})

await prepareLanguage()
createRoot(document.getElementById('root') as HTMLElement).render(
  <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce} cssVariablesResolver={() => ({ variables: {}, light: { '--mantine-color-blue-light-color': '#124d8c', '--mantine-color-blue-light-hover': '#c3dff8', '--mantine-color-red-light-color': '#a51d1d', '--mantine-color-red-light-hover': '#ffd6d6', '--mantine-color-placeholder': '#646b73', '--mantine-color-error': '#b42318', '--mantine-color-dimmed': '#565d65', '--mantine-color-anchor': '#1657a0', '--mantine-color-body': '#f5f7f9' }, dark: { '--mantine-color-red-light': '#3d2023', '--mantine-color-red-light-hover': '#4a2629', '--mantine-color-red-light-color': '#ffb3ab', '--mantine-color-placeholder': '#9aa1a9', '--mantine-color-error': '#ff9d94', '--mantine-color-dimmed': '#adb3ba', '--mantine-color-anchor': '#7cbcf5', '--mantine-color-body': '#1b1d20' } })}>
    <QueryClientProvider client={queries}>
      <Notifications position="top-right" />
      <App />
    </QueryClientProvider>
  </MantineProvider>,
)
