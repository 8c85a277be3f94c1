from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0003_slack_presses'),
    ]

    operations = [
        migrations.AddField(
            model_name='approvalrequest',
            name='retried',
            field=models.JSONField(blank=True, default=dict, help_text='Notices that failed and are being tried again.'),
        ),
        migrations.AddField(
            model_name='slackpress',
            name='on_behalf_of',
            field=models.CharField(blank=True, help_text='The approver in whose name it decides.', max_length=150),
        ),
    ]
