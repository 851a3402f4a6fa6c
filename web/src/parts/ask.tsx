import { Button, Group, Modal, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { ReactNode } from 'react'
import { useSpeech } from '../i18n/index.tsx'
import { Trouble, troubleText } from './basics.tsx'

/** A change: says when it is done, and in the service's own words when it was refused. */
export function useAct<Input, Output = unknown>(work: (input: Input) => Promise<Output>, options: { done?: string; then?: (output: Output, input: Input) => void } = {}) {
  const speech = useSpeech()
  const { t } = speech
  return useMutation<Output, Error, Input>({
    mutationFn: work,
    onSuccess: (output, input) => {
      if (options.done !== undefined) notifications.show({ message: options.done, color: 'teal', autoClose: 3500, closeButtonProps: { 'aria-label': t('app.close') } })
      options.then?.(output, input)
    },
    onError: (error) => notifications.show({ title: t('app.failed'), message: troubleText(error, speech), color: 'red', autoClose: 9000, closeButtonProps: { 'aria-label': t('app.close') } }),
  })
}

export function Confirm({ opened, title, text, action, colour, busy, error, onClose, onConfirm, children }: {
  opened: boolean; title: string; text?: string; action: string; colour?: string; busy: boolean; error?: unknown; onClose: () => void; onConfirm: () => void; children?: ReactNode
}) {
  const { t } = useSpeech()
  useFocusBack()
  // Return on a question that takes something away must not be the answer.
  const isDangerous = colour === 'red'
  return (
    <Modal opened={opened} onClose={onClose} title={title} centered closeButtonProps={{ 'aria-label': t('app.close') }}>
      {text !== undefined && <Text size="sm" className="wrap">{text}</Text>}
      {children}
      {error !== undefined && error !== null && <Trouble error={error} />}
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose} {...(isDangerous ? { 'data-autofocus': true } : {})}>{t('app.cancel')}</Button>
        <Button {...(colour === undefined ? {} : { color: colour })} loading={busy} onClick={onConfirm} {...(isDangerous ? {} : { 'data-autofocus': true })}>{action}</Button>
      </Group>
    </Modal>
  )
}

/** A dialog that is taken away as a whole never closes, and Mantine gives the focus back only when one closes. */
function useFocusBack(): void {
  const [opener] = useState(() => document.activeElement)
  useEffect(() => () => {
    setTimeout(() => {
      if (document.activeElement !== document.body) return
      // What opened it may be gone, as the bar of a selection or the entry of a menu: then where the reader is.
      const target = opener !== document.body && opener?.isConnected === true ? opener : (document.querySelector('[role=dialog]') ?? document.getElementById('page-title'))
      if (target instanceof HTMLElement) target.focus({ preventScroll: true })
    }, 0)
  }, [opener])
}
