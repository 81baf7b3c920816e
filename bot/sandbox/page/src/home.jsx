// The Home tab of the app.
import { Blocks } from './blocks.jsx'
import { useHere } from './here.js'
import { PaneHead } from './pane_head.jsx'
import { SurfaceOf } from './surface.jsx'

export function Home({ back }) {
  const { state, me } = useHere()
  const view = state.homes[me]
  return (
    <>
      <PaneHead title="Home" note={state.app.name} back={back} />
      <div className="list home" tabIndex={0} role="region" aria-label={`Home of ${state.app.name}`}>
        {view ? (
          <SurfaceOf key={view.id} place={{ view_id: view.id }} blocks={view.blocks}><Blocks blocks={view.blocks} /></SurfaceOf>
        ) : (
          <p className="empty">The app has published nothing here yet.</p>
        )}
      </div>
    </>
  )
}
