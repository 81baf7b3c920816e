// The ⋯ menu of an app.
import { Menu } from './menu.jsx'
import { sent } from './filled.js'
import { useSurface } from './surface.jsx'
import { useOpen } from './use_open.js'

export function Overflow({ element, block }) {
  const { press } = useSurface()
  const open = useOpen()
  const picked = (option) => {
    open(option.url)
    press(block, element, sent(element, option))
  }
  const items = element.options.map((option) => ({
    name: option.text.text,
    note: option.description?.text,
    pick: () => picked(option),
  }))
  return <Menu label="More options" className="btn icon" items={items}>⋯</Menu>
}
