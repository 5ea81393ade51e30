from jobs.states import ALLOWED, LIVE, TERMINAL, State, is_allowed


def test_every_state_has_its_row_of_allowed_moves() -> None:
    assert set(ALLOWED) == set(State)


def test_no_state_leads_to_itself() -> None:
    assert not [state for state in State if is_allowed(state, state)]


def test_every_state_can_be_reached_from_queued() -> None:
    reached = {State.QUEUED}
    while new := set().union(*(ALLOWED[state] for state in reached)) - reached:
        reached |= new

    assert reached == set(State)


def test_a_terminal_state_is_left_only_by_retry_or_expiry() -> None:
    assert {target for state in TERMINAL for target in ALLOWED[state]} == {State.QUEUED, State.EXPIRED}


def test_only_a_running_job_completes() -> None:
    assert [state for state in State if is_allowed(state, State.COMPLETED)] == [State.RUNNING]


def test_live_and_terminal_divide_the_states() -> None:
    assert set(State) == LIVE | TERMINAL
    assert not LIVE & TERMINAL
