// Opens the url of a button or option: a message of this workspace in the page, all else in a tab of its own.
import { linked } from './conversation.js'
import { useHere } from './here.js'

export function useOpen() {
  const { visit } = useHere()
  return (url) => {
    if (!/^https?:\/\//i.test(url ?? '')) return
    const target = linked(url)
    if (target) visit(target)
    else window.open(url, '_blank', 'noopener')
  }
}
