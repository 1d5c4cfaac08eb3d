"""Rasch difficulties by marginal maximum likelihood (EM, normal abilities), from the responses of an attempt-api.
python3 rasch.py URL [SELECTION [TRUTH.csv]]    SELECTION as in the URL: 'min_per_item=30&min_per_student=5'"""
import csv, io, json, math, os, sys, urllib.error, urllib.request
from collections import Counter, defaultdict
service, selection, truth = (sys.argv[1:] + ['', ''])[:3]
key = os.environ.get('ATTEMPT_API_KEY')

def fetch(path):
    headers = {'Authorization': f'Bearer {key}'} if key else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(service + path, headers=headers)) as answer:
            return answer.read().decode()  # raises IncompleteRead if the stream is aborted
    except urllib.error.HTTPError as error:
        sys.exit(f'{path}: {error.code} {json.load(error)["detail"]}')

# problems for conditional and joint likelihood that a normal distribution of abilities makes estimable
accepted = {'ill_conditioned', 'one_item_students'}
ready = json.loads(fetch('/v1/irt/readiness?' + selection))
for problem in ready['problems']:
    print(f'{problem["severity"]}: {problem["detail"]}', file=sys.stderr)
if any(problem['severity'] == 'refuses' and problem['code'] not in accepted for problem in ready['problems']):
    sys.exit('these responses cannot be calibrated')
# ids stay text: they are only compared
students, right, answered = defaultdict(dict), Counter(), Counter()
for row in csv.DictReader(io.StringIO(fetch('/v1/irt/responses?format=csv&' + selection))):
    students[row['id']][row['item']] = int(row['resp'])
    right[row['item']] += int(row['resp'])
    answered[row['item']] += 1
if answered.total() != ready['responses']:  # urllib does not show the trailer Attempt-Rows
    sys.exit(f'received {answered.total()} responses, {ready["responses"]} were announced: set until, and run again')

# the likelihood depends on a student only by the items and the number of correct responses
patterns = Counter((tuple(answers), sum(answers.values())) for answers in students.values())
points = [step / 10 for step in range(-60, 61)]  # of the standard normal distribution
difficulty, spread, change = dict.fromkeys(sorted(right, key=int), 0.0), 1.0, 1.0
while change > 1e-6:
    abilities = [spread * point for point in points]
    solve = {item: [1 / (1 + math.exp(b - ability)) for ability in abilities] for item, b in difficulty.items()}
    failing = {
        items: [sum(math.log1p(-solve[item][q]) for item in items) - point ** 2 / 2 for q, point in enumerate(points)]
        for items, _ in patterns}
    excess, information, squares = Counter(), Counter(), 0.0
    for (items, score), count in patterns.items():
        logs = [value + score * ability for value, ability in zip(failing[items], abilities)]
        likely = [math.exp(value - top) for top in [max(logs)] for value in logs]
        number = [count * value / total for total in [sum(likely)] for value in likely]  # of students at each point
        squares += sum(n * ability ** 2 for n, ability in zip(number, abilities))
        for item in items:
            excess[item] += sum(n * p for n, p in zip(number, solve[item]))
            information[item] += sum(n * p * (1 - p) for n, p in zip(number, solve[item]))
    steps = {item: (excess[item] - right[item]) / information[item] for item in difficulty}
    difficulty = {item: b + steps[item] for item, b in difficulty.items()}
    before, spread = spread, math.sqrt(squares / len(students))
    change = max(map(abs, steps.values())) + abs(spread - before)

mean = sum(difficulty.values()) / len(difficulty)
print(f'{"item_id":>20} {"n":>7} {"p":>7} {"difficulty":>10}    (standard deviation of abilities {spread:.4f})')
for item, b in difficulty.items():
    print(f'{item:>20} {answered[item]:>7} {right[item] / answered[item]:>7.4f} {b - mean:>10.4f}')
if truth:
    known = {row['item_id']: row for row in csv.DictReader(open(truth, newline=''))}
    for column in (name for name in list(known.values())[0] if name.endswith('_c')):
        largest = max(abs(b - mean - float(known[item][column])) for item, b in difficulty.items())
        print(f'largest difference to {column}: {largest:.6f}')
