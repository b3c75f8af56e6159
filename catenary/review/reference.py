"""Routes of what does not change with a decision: dictionary, runs, figures."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from catenary.domain.place import Direction
from catenary.domain.review import Act, Right
from catenary.evaluation.intervals import Share
from catenary.reports import lexicon
from catenary.review import answers
from catenary.review.people import Caller, needs, reader_of
from catenary.review.site import Site
from catenary.review.tell import both
from catenary.store import review_figures, summary
from catenary.store.review_figures import Figures


def router(site: Site) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/api", tags=["reference"])
    viewer = Annotated[Caller, Depends(needs(site, Right.VIEW))]

    @routes.get("/taxonomy")
    def taxonomy(_who: viewer) -> answers.TaxonomyOut:
        """Tell the dictionary and the words of everything else that has an id."""
        return _taxonomy(site)

    @routes.get("/runs")
    def runs(_who: viewer) -> answers.Runs:
        """List the runs with counts."""
        with site.db.read() as connection:
            found = [
                answers.RunOut(
                    id=one.id,
                    name=one.name,
                    line=one.record.line,
                    direction=one.record.direction,
                    date=one.record.date,
                    images=one.images,
                    done=one.done,
                    unusable=one.unusable,
                    failed=one.failed,
                    pending=one.pending,
                    items=review_figures.states(connection, one.id),
                    model=one.record.versions.model,
                    rules=one.record.versions.rules,
                    taxonomy=one.record.versions.taxonomy,
                )
                for one in summary.runs(connection)
            ]
        return answers.Runs(runs=found)

    @routes.get("/statistics")
    def statistics(
        who: viewer, days: Annotated[int, Query(ge=1, le=3660)] = 30
    ) -> answers.Statistics:
        """Tell what reviewers did: oneself, or for leads everybody."""
        reader = reader_of(who)
        with site.db.read() as connection:
            found = review_figures.of_reviewers(connection, site.clock() - timedelta(days=days))
            states = review_figures.states(connection)
        told = [
            _figures(name, one)
            for name, one in sorted(found.items())
            if reader.may(Right.STATISTICS) or name == reader.name
        ]
        return answers.Statistics(reviewers=told, states=states)

    return routes


def _figures(name: str, one: Figures) -> answers.ReviewerFigures:
    return answers.ReviewerFigures(
        name=name,
        decisions=one.decisions,
        days=[answers.Day(day=day, count=count) for day, count in sorted(one.days.items())],
        by_decision=one.acts,
        second_reading=_agreement(one.agreed, one.seconded),
        not_blind=one.unblind,
        vigilance=_agreement(one.seen, one.shown),
    )


def _agreement(agreed: int, total: int) -> answers.Agreement:
    low, high = Share(agreed, total).interval
    return answers.Agreement(agreed=agreed, total=total, low=low, high=high)


def _taxonomy(site: Site) -> answers.TaxonomyOut:
    components = [
        answers.ComponentOut(
            id=kind.id,
            zh=kind.zh,
            en=kind.en,
            conditions=[
                answers.ConditionOut(
                    id=one.id, zh=one.zh, en=one.en, grade=one.grade, severity=str(one.severity)
                )
                for one in kind.conditions.values()
            ],
        )
        for kind in site.taxonomy.components.values()
    ]
    return answers.TaxonomyOut(
        version=site.taxonomy.version,
        components=components,
        grades=[
            answers.GradeLabel(grade=grade, label=both(told))
            for grade, told in lexicon.GRADES.items()
        ],
        states=[_label(str(one), told) for one, told in lexicon.STATES.items()],
        loop_states=[_label(str(one), told) for one, told in lexicon.LOOP_STATES.items()],
        conclusions=[_label(str(one), told) for one, told in lexicon.CONCLUSIONS.items()],
        decisions=[_label(str(one), lexicon.ACTS[one]) for one in Act],
        directions=[_label(str(one), lexicon.DIRECTIONS[one]) for one in Direction],
        roles=[_label(str(one), told) for one, told in lexicon.ROLES_OF_PEOPLE.items()],
        verdicts=[_label(str(one), told) for one, told in lexicon.VERDICTS.items()],
    )


def _label(name: str, told: lexicon.Words) -> answers.Label:
    return answers.Label(id=name, label=both(told))
